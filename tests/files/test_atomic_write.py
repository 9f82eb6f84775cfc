import errno
import os

import pytest
from mmengine.fileio import get_file_backend

from mtl_plugins.engine import ATOMIC_BACKEND
from mtl_plugins.files import atomic_write, remove_temporaries


@pytest.fixture
def backend():
    return get_file_backend(backend_args=dict(backend=ATOMIC_BACKEND))


def test_put_writes_only_the_file(backend, tmp_path):
    path = tmp_path / "new" / "a.pth"
    backend.put(b"first", path)
    backend.put(b"second", path)
    backend.put_text("Grüße", tmp_path / "new" / "text")
    assert path.read_bytes() == b"second"
    assert (tmp_path / "new" / "text").read_text(encoding="utf-8") == "Grüße"
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.pth", "text"]


def test_permissions_equal_those_of_any_new_file(backend, tmp_path):
    backend.put(b"x", tmp_path / "a")
    (tmp_path / "b").write_bytes(b"x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize(
    ("function", "number", "parts"),
    [
        ("fsync", errno.ENOSPC, ["disk is full", "the file needs 0.0 MB", "MB are free"]),
        ("fsync", errno.EIO, ["Input/output error"]),
        ("replace", errno.EACCES, ["Permission denied"]),
    ],
)
def test_a_failed_write_keeps_the_old_file(backend, tmp_path, monkeypatch, function, number, parts):
    path = tmp_path / "a.pth"
    backend.put(b"old", path)

    def fail(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic_write.os, function, fail)
    with pytest.raises(OSError) as caught:
        backend.put(b"new" * 1000, path)
    monkeypatch.undo()
    assert caught.value.errno == number
    for part in [str(path), "last complete checkpoint is unchanged", *parts]:
        assert part in str(caught.value)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.pth"]


def test_a_folder_that_cannot_be_created_raises(backend, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="could not write"):
        backend.put(b"x", tmp_path / "file" / "a.pth")


def test_remove_temporaries_deletes_only_temporary_files(tmp_path):
    for name in ("epoch_1.pth", ".saving-12-epoch_2.pth", "notes"):
        (tmp_path / name).write_text("")
    assert remove_temporaries(tmp_path) == [".saving-12-epoch_2.pth"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch_1.pth", "notes"]
