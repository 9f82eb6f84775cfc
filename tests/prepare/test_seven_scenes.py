import json

import numpy as np
import pytest

from mtl_plugins.datasets import DataError
from mtl_plugins.prepare.seven_scenes import prepare_seven_scenes

from ..datasets.data_files import SIZE, write_frames, write_png


@pytest.fixture
def root(tmp_path):
    return write_frames(tmp_path / "kitchen")


def test_the_command_counts_frames(root, run_tool, capsys):
    run_tool("prepare_dataset", "seven-scenes", "--root", root, "--workers", 1)
    printed = capsys.readouterr().out
    assert "train 5, val 2; labels: depth 6; depth 2.00 to 2.20 m" in printed and "1 images have no depth" in printed
    assert json.loads((root / "seven_scenes.json").read_text())["num_val"] == 2


def test_invalid_files(root, tmp_path):
    write_png(root / "frame-000000.depth.png", np.ones(SIZE, np.uint8))
    with pytest.raises(DataError, match="1 of 7 images are invalid.*\n?.*8-bit"):
        prepare_seven_scenes(root, 1, progress=False)
    with pytest.raises(FileNotFoundError, match="nowhere does not exist. Download a scene from"):
        prepare_seven_scenes(tmp_path / "nowhere", 1, progress=False)
