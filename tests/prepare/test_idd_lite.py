import json
import shutil

import numpy as np
import pytest

from mtl_plugins.datasets import DataError
from mtl_plugins.prepare.idd_lite import prepare_iddlite

from ..datasets.data_files import SIZE, write_png
from ..datasets.driving_files import write_iddlite

ONE = dict(workers=1, progress=False)


@pytest.fixture
def root(tmp_path):
    return write_iddlite(tmp_path / "iddlite")


def test_the_command_counts_images_and_annotations(root, run_tool, capsys):
    (root / "gtFine" / "train" / "0" / "frame0001_label.png").unlink()
    run_tool("prepare_dataset", "iddlite", "--root", root, "--workers", 1)
    printed = capsys.readouterr().out
    assert "train 4, val 2, test 1; labels: semseg 5" in printed and "7 classes, % of the pixels" in printed
    assert "images of train: 4 found, but the complete official IDD-Lite has 1403" in printed
    assert "images of val: 2 found, but the complete official IDD-Lite has 204" in printed
    assert "1 images have no annotation, such as" in printed and "frame0001_image.jpg" in printed
    summary = json.loads((root / "iddlite.json").read_text())
    assert summary["num_train"] == 4 and summary["sizes"] == {"24 x 32": 7}


def test_invalid_files(root):
    folder = root / "gtFine" / "train"
    write_png(folder / "0" / "frame0000_label.png", np.full(SIZE, 7, np.uint8))
    write_png(folder / "17" / "frame0000_label.png", np.zeros((5, 7), np.uint8))
    with pytest.raises(DataError, match="2 of 7 images are invalid") as caught:
        prepare_iddlite(root, **ONE)
    assert "frame0000_label.png contains class id 7" in str(caught.value) and "label is 5×7" in str(caught.value)
    assert not (root / "iddlite.json").exists()


def test_missing_folders(root):
    shutil.rmtree(root / "gtFine")
    with pytest.raises(FileNotFoundError, match="does not contain IDD-Lite; missing: gtFine/train. Register at"):
        prepare_iddlite(root, **ONE)
    with pytest.raises(FileNotFoundError, match="missing: leftImg8bit/train, gtFine/train"):
        prepare_iddlite(root / "nowhere", **ONE)
