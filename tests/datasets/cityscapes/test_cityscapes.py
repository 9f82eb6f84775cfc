import json

import numpy as np
import pytest
import torch

from mtl_plugins.datasets import Cityscapes, DataError
from mtl_plugins.label_spaces import class_map
from mtl_plugins.structures import DepthMap
from mtl_plugins.structures.disparity_map import DisparityMap

from ...contracts.dataset_contract import DatasetContract
from ..data_files import SIZE, write_png
from ..driving_files import cityscapes_camera, write_cityscapes

STEM = "aachen_000001_000019"


@pytest.fixture
def root(tmp_path):
    return write_cityscapes(tmp_path)


class TestMetres(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="Cityscapes", data_root=str(root), depth_range=(0.05, 80))


class TestDisparity(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="Cityscapes", data_root=str(root), depth="disparity", label_space="kitti6")


def codes(i):
    rng = np.random.default_rng(i)
    rng.integers(0, 34, SIZE, dtype=np.uint8)
    found = rng.integers(500, 20000, SIZE, dtype=np.uint16)
    found[0, :3] = (0, 1, 2)
    return found.astype(float)


def test_values_match_the_files(root):
    dataset = Cityscapes(root)
    assert dataset.label_counts() == dict(semseg=3, depth=3)
    sample = dataset[1]
    assert sample["meta"]["img_path"].endswith(f"{STEM}_leftImg8bit.png")
    stored = np.random.default_rng(1).integers(0, 34, SIZE, dtype=np.uint8)
    assert np.array_equal(sample["semseg"][0].numpy(), class_map("cityscapes34", "cityscapes19")[stored])
    disparity = (codes(1) - 1) / 256
    camera = cityscapes_camera(1)
    expected = camera["extrinsic"]["baseline"] * camera["intrinsic"]["fx"] / np.where(disparity > 0, disparity, np.inf)
    assert type(sample["depth"]) is DepthMap
    np.testing.assert_allclose(sample["depth"][0].numpy(), expected, rtol=1e-5)
    assert sample["depth"][0, 0, :2].tolist() == [0, 0] and sample["depth"][0, 0, 2] > 1000, "p = 0, 1 and 2"
    assert sample["intrinsics"].tolist() == pytest.approx([41, 41.1, 16.5, 11.5])


def test_disparity_labels_and_unlabelled_images(root):
    sample = Cityscapes(root, depth="disparity")[1]
    assert "depth" not in sample and type(sample["disparity"]) is DisparityMap
    expected = np.maximum(codes(1) - 1, 0) / 256
    np.testing.assert_allclose(sample["disparity"][0].numpy(), expected, rtol=1e-6)
    assert Cityscapes(root, depth=None).label_counts() == dict(semseg=3)


def test_metric_depth_and_disparity_agree_after_augmentation(root):
    """depth = baseline · fx / disparity after any augmentation, with the fx of the stored image."""
    pipeline = [
        dict(type="RandomRotation", degrees=20),
        dict(type="RandomZoom", scale=(0.5, 2.0), p=1.0),
        dict(type="RandomCrop", size=(20, 24)),
        dict(type="RandomMirror"),
        dict(type="Resize", size=(40, 48)),
        dict(type="PackSample"),
    ]
    metres = Cityscapes(root, tasks=["depth"], pipeline=pipeline)
    pixels = Cityscapes(root, tasks=["disparity"], pipeline=pipeline, depth="disparity")
    constant = cityscapes_camera()["extrinsic"]["baseline"] * cityscapes_camera()["intrinsic"]["fx"]
    for seed in range(4):
        depth = metres[0, seed]["data_samples"].gt.depth
        disparity = pixels[0, seed]["data_samples"].gt.disparity
        assert torch.equal(depth > 0, disparity > 0)
        valid = depth > 0
        torch.testing.assert_close(depth[valid], constant / disparity[valid])


def test_splits(root):
    test = Cityscapes(root, "test")
    assert test.label_counts() == dict(semseg=0, depth=1), "the test split's labels are void all over"
    assert len(Cityscapes(root, "val")) == 2
    with pytest.raises(DataError, match=r"split is empty, no image in .*leftImg8bit/train_extra.*cityscapes --root"):
        Cityscapes(root, "train_extra")


def test_a_missing_file_is_a_missing_label(root):
    (root / "disparity/train/aachen" / f"{STEM}_disparity.png").unlink()
    (root / "gtFine/train/aachen" / f"{STEM}_gtFine_labelIds.png").unlink()
    (root / "camera/train/aachen" / f"{STEM}_camera.json").unlink()
    dataset = Cityscapes(root)
    assert dataset.label_counts() == dict(semseg=2, depth=2)
    assert set(dataset[1]) == {"img", "meta"}


def test_other_folders(root):
    """Coarse labels and a user-defined label."""
    for path in list((root / "gtFine/train").rglob("*_labelIds.png")):
        coarse = root / "gtCoarse/train" / path.parent.name / path.name.replace("gtFine", "gtCoarse")
        coarse.parent.mkdir(parents=True, exist_ok=True)
        path.rename(coarse)
    write_png(root / "edges/train/aachen" / f"{STEM}_edges.png", np.full(SIZE, 255, np.uint8))
    labels = dict(semseg=dict(folder="gtCoarse"), edges=dict(folder="edges", reader="image"))
    assert Cityscapes(root, labels=labels).label_counts() == dict(semseg=3, depth=3, edges=1)


def test_metric_depth_needs_camera_files(root):
    for path in (root / "camera/train").rglob("*.json"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"3 of 3 disparity maps have no camera file.*camera_trainvaltest.zip"):
        Cityscapes(root)
    assert "intrinsics" not in Cityscapes(root, depth="disparity")[0]
    assert Cityscapes(root, tasks=["semseg"]).label_counts() == dict(semseg=3)


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "not a camera file of Cityscapes"),
        (json.dumps(dict(cityscapes_camera(), extrinsic={})), "'baseline' is missing"),
        (json.dumps(dict(cityscapes_camera(), extrinsic=dict(baseline=0))), "must be positive"),
    ],
)
def test_invalid_camera_file(root, content, message):
    (root / "camera/train/aachen" / f"{STEM}_camera.json").write_text(content)
    with pytest.raises(DataError, match=f"{STEM}_camera.json.*{message}"):
        Cityscapes(root)[1]


def test_eight_bit_disparity_raises(root):
    write_png(root / "disparity/train/aachen" / f"{STEM}_disparity.png", np.ones(SIZE, np.uint8))
    with pytest.raises(DataError, match=f"{STEM}_disparity.png has 1 channels of torch.uint8, but disparity is"):
        Cityscapes(root)[1]


def test_invalid_options_raise(root):
    with pytest.raises(ValueError, match="depth='inverse' is unknown"):
        Cityscapes(root, depth="inverse")
    with pytest.raises(ValueError, match="in metres, but depth='disparity'"):
        Cityscapes(root, depth="disparity", depth_range=(1, 80))
