"""How the kernels are compiled and cached, and what happens without them."""

import logging
import os
import platform
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mtl_plugins.kernels import fits, library, max_pool

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
    monkeypatch.setattr(subprocess, "run", None)  # a second compilation would fail
    assert library.warm_up()
    assert [path.name for path in fresh_cache.iterdir()] == [kept.name]


@needs_compiler
def test_a_damaged_library_is_recompiled(compiled, fresh_cache):
    (complete,) = compiled.iterdir()
    fresh_cache.mkdir(parents=True)
    (fresh_cache / complete.name).write_bytes(b"")
    assert library.warm_up()
    assert [(path.name, path.stat().st_size) for path in fresh_cache.iterdir()] == [
        (complete.name, complete.stat().st_size)
    ]
    assert library.vector_size() in (8, 16)


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
