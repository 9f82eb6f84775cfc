import numpy as np
import pytest
import torch

from mtl_plugins.datasets import DataError, SevenScenes

from ..contracts.dataset_contract import DatasetContract
from .data_files import SIZE, write_frames, write_png, write_scene

CAMERA = (30.0, 30.0, 15.5, 11.5)


@pytest.fixture
def root(tmp_path):
    return write_frames(tmp_path / "kitchen")


class TestSevenScenes(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="SevenScenes", data_root=str(root), intrinsics=CAMERA)


def names(dataset):
    return [sample.img.name.split(".")[0] for sample in dataset.samples]


def test_a_folder_of_frames_is_split_by_blocks(root):
    train, val = (SevenScenes(root, split, intrinsics=CAMERA) for split in ("train", "val"))
    assert names(val) == ["frame-000024", "frame-000054"]
    assert names(train) == [f"frame-{6 * i:06d}" for i in (0, 1, 2, 6, 7)]
    assert val.label_counts() == dict(depth=1, normals=1)  # the last frame has no depth
    with pytest.raises(ValueError, match="unknown split='test'"):
        SevenScenes(root, "test")


def test_depth_in_metres_and_normals_of_a_plane(root):
    sample = SevenScenes(root, intrinsics=CAMERA)[0]
    depth = sample["depth"][0]
    assert not depth[:2].any() and not depth[-2:].any()  # 0 and 65535
    assert depth[5, 0] == 2.0 and depth[5, -1] == 2.2
    normals = sample["normals"][:, 6:-6, 12:-12]
    assert torch.allclose(normals.norm(dim=0), torch.ones(()), atol=1e-5)
    assert (normals[2] < 0).all() and (normals[0] > 0.05).all() and (normals[1].abs() < 0.1).all()


def test_the_camera_is_that_of_the_stored_size(tmp_path, root):
    frames = write_frames(tmp_path / "full", 3, size=(480, 640))
    sample = SevenScenes(frames, "trainval")[0]
    assert sample["intrinsics"].flatten().tolist() == [585, 585, 320, 240] and "normals" in sample
    with pytest.raises(DataError, match="24×32, but the camera is known only for 480×640 pixels. Set intrinsics"):
        SevenScenes(root)[0]
    assert set(SevenScenes(root, labels=dict(normals=None))[0]) == {"img", "depth", "meta"}
    with pytest.raises(ValueError, match="SevenScenes: intrinsics=.1, 2.: a camera has the 4 numbers"):
        SevenScenes(root, intrinsics=(1, 2))


def test_an_official_scene(tmp_path):
    scene = write_scene(tmp_path / "heads")
    train, val, test = (SevenScenes(scene, split, intrinsics=CAMERA) for split in ("train", "val", "test"))
    assert [sample.img.parent.name for sample in train.samples] == ["seq-01"] * 3 + ["seq-02"] * 3
    assert {sample.img.parent.name for sample in val.samples} == {"seq-03"}
    assert names(val) == names(test)
    (scene / "TestSplit.txt").write_text("sequence4\n")
    with pytest.raises(FileNotFoundError, match=r"TestSplit.txt.*seq-04 does not exist. Unpack seq-04.zip"):
        SevenScenes(scene, "val")
    (scene / "TestSplit.txt").write_text("kitchen\n")
    with pytest.raises(DataError, match=r"TestSplit.txt.*'kitchen' is not a sequence such as sequence1"):
        SevenScenes(scene, "val")
    with pytest.raises(ValueError, match="the splits of an official scene are train, val, test"):
        SevenScenes(scene, "trainval")
    (scene / "TrainSplit.txt").unlink()
    with pytest.raises(FileNotFoundError, match="TrainSplit.txt does not exist. A scene with folders seq-01"):
        SevenScenes(scene)


def test_an_additional_label_has_the_same_frame(root):
    write_png(root / "frame-000000.mask.png", np.ones(SIZE, np.uint8))
    labels = dict(mask=dict(reader="classes", num_classes=2))
    dataset = SevenScenes(root, intrinsics=CAMERA, labels=labels)
    assert dataset.label_counts() == dict(depth=5, normals=5, mask=1) and (dataset[0]["mask"] == 1).all()
