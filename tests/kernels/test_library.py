"""How the kernels are compiled and cached, and what happens without them."""

import errno
import logging
import os
import platform
import random
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mtl_plugins.kernels import compile_library as compile_module
from mtl_plugins.kernels import fits, library, max_pool
from mtl_plugins.kernels.compile_library import compile_library, find_compiler
from mtl_plugins.kernels.library_cache import private_folder, read_trusted, store

from ..fuzzing import flip_bit, fuzz

HAS_COMPILER = bool(shutil.which("g++") or shutil.which("clang++"))
needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="no C++ compiler")


@pytest.fixture
def fresh_cache(monkeypatch, tmp_path):
    """The state of the library in a new process with an empty cache. Returns the cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MTL_KERNELS", raising=False)
    forget(monkeypatch)
    return tmp_path / "cache" / "mtl_plugins"


def forget(monkeypatch):
    monkeypatch.setattr(library, "_library", None)
    monkeypatch.setattr(library, "_warmed_up", False)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The cache after the first compilation, which takes some seconds."""
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
        monkeypatch.delenv("MTL_KERNELS", raising=False)
        forget(monkeypatch)
        assert library.warm_up()
    return folder / "mtl_plugins"


@needs_compiler
def test_a_forward_pass_never_compiles(compiled, fresh_cache):
    x = torch.randn(1, 16, 6, 6).contiguous(memory_format=torch.channels_last)
    assert not fits(x) and max_pool(x).shape == x.shape
    assert not fresh_cache.exists()
    shutil.copytree(compiled, fresh_cache)
    assert library.warm_up() and fits(x)


@needs_compiler
def test_the_library_is_compiled_once_and_cached(compiled, fresh_cache, monkeypatch):
    (kept,) = compiled.iterdir()
    shutil.copytree(compiled, fresh_cache)
    monkeypatch.setattr(library, "compile_library", None)  # a second compilation would fail
    assert library.warm_up()
    assert [path.name for path in fresh_cache.iterdir()] == [kept.name]


@pytest.fixture
def cached(compiled, fresh_cache, monkeypatch):
    """A file in the cache; `warm_up` calls `compile_library` only in appearance, and `cached.compiled` counts it."""
    shutil.copytree(compiled, fresh_cache)
    (path,) = fresh_cache.iterdir()
    calls, content = [], read_trusted(path)
    monkeypatch.setattr(library, "compile_library", lambda command, sources: calls.append(command) or content)

    def is_recompiled():
        calls.clear()
        forget(monkeypatch)
        assert library.warm_up() and library.vector_size() in (8, 16)
        assert read_trusted(path) == content, "the cache is repaired"
        return bool(calls)

    return SimpleNamespace(path=path, content=content, is_recompiled=is_recompiled)


def replace_by_link(path):
    os.rename(path, path.with_name("moved"))
    path.symlink_to("moved")


def replace_by_fifo(path):
    path.unlink()
    os.mkfifo(path)


@needs_compiler
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: os.truncate(path, 4096),
        lambda path: os.truncate(path, path.stat().st_size - 1),
        lambda path: path.write_bytes(path.read_bytes() + b"\0"),
        lambda path: path.write_bytes(bytes(path.stat().st_size)),
        lambda path: path.write_bytes(path.read_bytes()[:-32]),  # as earlier versions wrote it: without a digest
        lambda path: store(path, b"\x7fELF"),  # cannot be loaded
        lambda path: path.chmod(0o620),
        lambda path: path.chmod(0o602),
        replace_by_link,
        replace_by_fifo,
    ],
)
def test_a_damaged_or_untrusted_library_is_recompiled(cached, damage):
    assert not cached.is_recompiled()
    damage(cached.path)
    assert cached.is_recompiled()
    assert not cached.is_recompiled()


@needs_compiler
def test_a_library_without_the_functions_is_recompiled(cached, tmp_path):
    (tmp_path / "other.cpp").write_text('extern "C" int vector_size() { return 8; }')
    other = compile_library([*find_compiler(), "-shared", "-fPIC"], [tmp_path / "other.cpp"])
    store(cached.path, other)
    assert cached.is_recompiled()


@needs_compiler
@fuzz(100, 500)
def test_a_flipped_bit_is_always_noticed(cached, trials):
    data, generator = cached.path.read_bytes(), random.Random(0)
    for _ in range(trials):
        cached.path.write_bytes(flip_bit(data, generator))
        assert read_trusted(cached.path) is None
    assert cached.is_recompiled()


@needs_compiler
@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can change owners")
@pytest.mark.parametrize("of", ["file", "folder"])
def test_another_owner_is_not_trusted(cached, caplog, of):
    os.chown(cached.path if of == "file" else cached.path.parent, 12345, -1)
    if of == "file":
        assert cached.is_recompiled()
    else:
        assert "belongs to another user (uid 12345); set XDG_CACHE_HOME" in warning_without_kernels(caplog)


@needs_compiler
def test_the_folder_is_private(cached):
    cached.path.parent.chmod(0o777)  # as with a lax umask
    assert not cached.is_recompiled()
    assert stat.S_IMODE(cached.path.parent.stat().st_mode) == 0o700
    shutil.rmtree(cached.path.parent)
    assert cached.is_recompiled()
    assert stat.S_IMODE(cached.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(cached.path.stat().st_mode) == 0o600


@needs_compiler
def test_a_relative_cache_folder_is_ignored(cached, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert private_folder() == tmp_path / "home/.cache/mtl_plugins"


@needs_compiler
def test_a_changed_file_does_not_reach_a_loaded_library(cached):
    assert not cached.is_recompiled()
    os.truncate(cached.path, 0)
    assert library.vector_size() in (8, 16)


@needs_compiler
def test_without_files_in_memory_the_cached_file_is_loaded_and_replaced_only_if_untrusted(cached, monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    kept = cached.path.stat()
    assert not cached.is_recompiled()
    assert (cached.path.stat().st_ino, cached.path.stat().st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    cached.path.chmod(0o602)
    assert cached.is_recompiled() and stat.S_IMODE(cached.path.stat().st_mode) == 0o600


@needs_compiler
def test_a_full_disk_keeps_the_kernels_for_this_process(cached, monkeypatch, caplog):
    cached.path.unlink()

    def fail(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    assert library.warm_up()
    assert "used, but not kept: could not write" in caplog.text and not list(cached.path.parent.iterdir())


def warning_without_kernels(caplog):
    with caplog.at_level(logging.WARNING):
        assert not library.warm_up()
    x = torch.randn(1, 16, 6, 6).contiguous(memory_format=torch.channels_last)
    assert not fits(x)
    return caplog.text


def test_without_a_compiler_pytorch_is_used_with_a_warning(fresh_cache, monkeypatch, caplog):
    monkeypatch.setenv("CXX", "no-such-compiler")
    text = warning_without_kernels(caplog)
    assert "no C++ compiler was found (no-such-compiler)" in text and "same result" in text


def test_a_failing_compiler_warns(fresh_cache, monkeypatch, caplog, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'x.cpp:1: error: out of order' >&2\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("CXX", str(broken))
    assert "error: out of order" in warning_without_kernels(caplog)
    assert not [*fresh_cache.glob("*")], "a failed compilation leaves no files"


@pytest.mark.parametrize(
    "script, message",
    [
        ("sleep 60 & wait", "took more than 0.2 s"),
        ("exit 0", "cannot compile"),
        ('for name; do :; done; echo garbage > "$name"', "invalid ELF header|file too short"),
        ("cat; exit 1", "no message"),
    ],
)
def test_a_compiler_that_hangs_or_writes_garbage_warns(fresh_cache, monkeypatch, caplog, tmp_path, script, message):
    compiler = tmp_path / "compiler"
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.setattr(compile_module, "_TIMEOUT", 0.2 if "sleep" in script else 60)
    assert re.search(message, warning_without_kernels(caplog))
    assert not [*fresh_cache.glob("*")]


@needs_compiler
def test_an_unusable_cache_folder_warns(fresh_cache, monkeypatch, caplog, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "file" in warning_without_kernels(caplog)


def test_a_compiler_command_with_an_unbalanced_quote_warns(fresh_cache, monkeypatch, caplog):
    monkeypatch.setenv("CXX", 'g++ "')
    assert "quotation" in warning_without_kernels(caplog)


def test_kernels_can_be_disabled(fresh_cache, monkeypatch, caplog):
    monkeypatch.setenv("MTL_KERNELS", "0")
    assert "PyTorch" not in warning_without_kernels(caplog)


@needs_compiler
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the flag is for x86")
def test_kernels_for_processors_without_wide_vectors(tmp_path):
    """Run the tests of the kernels compiled for the oldest 64-bit processors."""
    code = (
        "import sys, pytest\nfrom mtl_plugins.kernels import library\n"
        "library._FLAGS = tuple(f.replace('native', 'x86-64') for f in library._FLAGS)\n"
        "library.warm_up()\nprint('vectors of', library.vector_size())\n"
        f"sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', {str(Path(__file__).with_name('test_kernels.py'))!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "vectors of 8\n" in done.stdout  # the narrowest vectors that the kernels support
    assert " passed" in done.stdout and "skipped" not in done.stdout
