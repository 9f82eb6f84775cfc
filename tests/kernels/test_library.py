"""How the kernels are compiled, kept, and done without."""

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
def anew(monkeypatch, tmp_path):
    """The library as a new process with an empty cache would find it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MTL_KERNELS", raising=False)
    forget(monkeypatch)
    return tmp_path / "cache" / "mtl_plugins"


def forget(monkeypatch):
    monkeypatch.setattr(library, "_library", None)
    monkeypatch.setattr(library, "_warmed_up", False)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The cache after a first compilation, which takes some seconds."""
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
        monkeypatch.delenv("MTL_KERNELS", raising=False)
        forget(monkeypatch)
        assert library.warm_up()
    return folder / "mtl_plugins"


@needs_compiler
def test_a_forward_pass_never_compiles(compiled, anew):
    x = torch.randn(1, 16, 6, 6).contiguous(memory_format=torch.channels_last)
    assert not fits(x) and max_pool(x).shape == x.shape
    assert not anew.exists()
    shutil.copytree(compiled, anew)
    assert library.warm_up() and fits(x)


@needs_compiler
def test_it_is_compiled_once_and_kept(compiled, anew, monkeypatch):
    (kept,) = compiled.iterdir()
    shutil.copytree(compiled, anew)
    monkeypatch.setattr(subprocess, "run", None)  # a second compilation would fail
    assert library.warm_up()
    assert [path.name for path in anew.iterdir()] == [kept.name]


@needs_compiler
def test_a_torn_library_is_made_again(compiled, anew):
    (complete,) = compiled.iterdir()
    anew.mkdir(parents=True)
    (anew / complete.name).write_bytes(b"")
    assert library.warm_up()
    assert [(path.name, path.stat().st_size) for path in anew.iterdir()] == [(complete.name, complete.stat().st_size)]
    assert library.vector_size() in (8, 16)


def told_without(caplog):
    with caplog.at_level(logging.WARNING):
        assert not library.warm_up()
    x = torch.randn(1, 16, 6, 6).contiguous(memory_format=torch.channels_last)
    assert not fits(x)
    return caplog.text


def test_without_a_compiler_pytorch_computes_and_a_line_says_so(anew, monkeypatch, caplog):
    monkeypatch.setenv("CXX", "no-such-compiler")
    told = told_without(caplog)
    assert "no C++ compiler was found (no-such-compiler)" in told and "same result" in told


def test_a_compiler_that_fails(anew, monkeypatch, caplog, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'x.cpp:1: error: out of order' >&2\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("CXX", str(broken))
    assert "error: out of order" in told_without(caplog)
    assert not [*anew.glob("*")], "nothing is left behind"


@needs_compiler
def test_a_cache_that_can_not_be_written(anew, monkeypatch, caplog, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "file" in told_without(caplog)


def test_a_compiler_that_no_shell_would_understand(anew, monkeypatch, caplog):
    monkeypatch.setenv("CXX", 'g++ "')
    assert "quotation" in told_without(caplog)


def test_it_can_be_switched_off(anew, monkeypatch, caplog):
    monkeypatch.setenv("MTL_KERNELS", "0")
    assert "PyTorch" not in told_without(caplog)


@needs_compiler
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the flag is for x86")
def test_processors_without_wide_vectors(tmp_path):
    """The other tests once more, compiled for the oldest 64-bit processors."""
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
    assert "vectors of 8\n" in done.stdout  # the narrowest that the kernels are written for
    assert " passed" in done.stdout and "skipped" not in done.stdout
