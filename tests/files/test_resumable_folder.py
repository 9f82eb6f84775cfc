import json

import pytest

from mtl_plugins.files import TEMPORARY_PREFIX, ResumableFolder


def folder(path, **identity):
    return ResumableFolder(path / "out", "rooms", "Rooms", dict(version=1) | identity)


def test_a_folder_is_complete_only_after_finish(tmp_path):
    target, file = folder(tmp_path), tmp_path / "out" / "a.txt"
    target.check()
    target.begin(["rgb"])
    assert (tmp_path / "out" / "rgb").is_dir() and target.finished([]) is None
    file.write_text("a")
    summary = target.finish(dict(images=2))
    assert summary == dict(version=1, images=2) == json.loads((tmp_path / "out" / "rooms.json").read_text())
    assert target.finished([file]) == summary == target.finished([file], images=2)
    assert target.finished([file], images=3) is None
    file.unlink()
    assert target.finished([file]) is None


def test_a_run_killed_at_any_moment_can_be_restarted(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / f"{TEMPORARY_PREFIX}1-rooms.started.json").write_text("{")  # killed while the first marker was written
    target = folder(tmp_path)
    target.check()
    target.begin()
    (out / f"{TEMPORARY_PREFIX}2-a.png").write_text("")
    folder(tmp_path).check()
    target.finish({})
    assert [path.name for path in out.iterdir()] == ["rooms.json"]


def test_an_unfinished_preparation_that_wrote_nothing_is_replaced(tmp_path):
    folder(tmp_path, size=1).begin(["rgb"])
    target = folder(tmp_path, size=2)
    assert target.replaces
    target.check()
    target.begin()
    assert not target.replaces and folder(tmp_path, size=1).replaces
    (tmp_path / "out" / "rgb" / "a.png").write_text("")
    target.check()
    with pytest.raises(
        ValueError, match=r"an unfinished preparation of another Rooms dataset: size 2 \(requested: 1\)"
    ):
        folder(tmp_path, size=1).check()


def test_replaceable_files_of_an_unfinished_preparation_are_deleted(tmp_path):
    def replacing(size):
        return ResumableFolder(tmp_path / "out", "rooms", "Rooms", dict(size=size), ["rgb/*.png"])

    replacing(1).begin(["rgb"])
    ours, other = tmp_path / "out" / "rgb" / "a.png", tmp_path / "out" / "thesis.tex"
    ours.write_text(""), other.write_text("")
    replacing(1).begin()
    assert ours.exists(), "a run with the same identity resumes"
    replacing(2).check()
    replacing(2).begin()
    assert not ours.exists() and other.exists()
    replacing(2).finish({})
    with pytest.raises(ValueError, match="contains another Rooms dataset"):
        replacing(1).check()


def test_other_content_raises(tmp_path):
    target = folder(tmp_path)
    target.begin()
    target.finish({})
    with pytest.raises(ValueError, match=r"contains another Rooms dataset: version 1 \(requested: 2\)"):
        folder(tmp_path, version=2).check()
    target.marker.write_text("{")
    with pytest.raises(ValueError, match="rooms.json, line 1: not valid JSON"):
        folder(tmp_path).check()
    target.marker.rename(tmp_path / "out" / "thesis.tex")
    with pytest.raises(ValueError, match="not empty and contains no Rooms dataset"):
        folder(tmp_path).check()
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        ResumableFolder(tmp_path / "file", "rooms", "Rooms", {}).check()
