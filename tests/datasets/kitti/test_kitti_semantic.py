import numpy as np
import pytest

from mtl_plugins.datasets import DataError, KITTISemantic, holdout_split
from mtl_plugins.label_spaces import class_map

from ...contracts.dataset_contract import DatasetContract
from ..data_files import SIZE, write_png
from ..driving_files import CAMERAS, camera_lines, write_kitti_semantic


@pytest.fixture
def root(tmp_path):
    return write_kitti_semantic(tmp_path)


class TestKITTISemantic(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="KITTISemantic", data_root=str(root))


class TestKITTISemanticAsKITTI6(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="KITTISemantic", data_root=str(root), label_space="kitti6", split="trainval")


@pytest.mark.parametrize("space, classes", [("cityscapes19", 19), ("kitti6", 6), ("cityscapes34", 34)])
def test_ids_are_mapped_to_the_label_space(root, space, classes):
    dataset = KITTISemantic(root, label_space=space)
    assert dataset.num_classes == classes == len(dataset.metainfo["classes"])
    stored = np.random.default_rng(0).integers(0, 34, SIZE, dtype=np.uint8)
    assert np.array_equal(dataset[0]["semseg"][0].numpy(), class_map("cityscapes34", space)[stored])


def test_every_fifth_image_is_held_out(root):
    def names(split, **options):
        return [sample.img.name for sample in KITTISemantic(root, split, **options).samples]

    assert names("val") == ["000004_10.png"]
    assert names("train") == [f"{i:06d}_10.png" for i in (0, 1, 2, 3, 5)]
    assert names("trainval") == sorted(names("train") + names("val"))
    assert names("val", val_every=3) == ["000002_10.png", "000005_10.png"]
    for options in (dict(val_every=1), dict(split="eval")):
        with pytest.raises(ValueError, match="val_every=1|unknown split='eval': use 'train', 'val' .*'test'"):
            KITTISemantic(root, **options)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 23])
def test_train_and_val_partition_all_images(count):
    parts = [holdout_split(range(count), split, 5) for split in ("train", "val")]
    assert sorted(parts[0] + parts[1]) == holdout_split(range(count), "trainval", 5) == list(range(count))
    assert len(parts[1]) == count // 5


def test_test_images_have_no_labels(root):
    dataset = KITTISemantic(root, "test")
    assert dataset.label_counts() == dict(semseg=0) and len(dataset) == 6
    assert dataset[0]["meta"]["img_path"].endswith("testing/image_2/000000_10.png")


def test_intrinsics_from_the_calibration_of_the_stereo_benchmark(root):
    assert "intrinsics" not in KITTISemantic(root)[0]
    folder = root / "training" / "calib_cam_to_cam"
    folder.mkdir()
    (folder / "000001.txt").write_text("calib_time: 09-Jan-2012\n" + camera_lines(2, SIZE))
    dataset = KITTISemantic(root)
    np.testing.assert_allclose(dataset[1]["intrinsics"].numpy(), CAMERAS[2][:4])
    assert "intrinsics" not in dataset[0]


def test_unknown_id(root):
    write_png(root / "training" / "semantic" / "000002_10.png", np.full(SIZE, 34, np.uint8))
    with pytest.raises(DataError, match="000002_10.png contains class id 34, .*cityscapes34"):
        KITTISemantic(root)[2]


def test_empty_folder(tmp_path):
    with pytest.raises(DataError, match="no image in .*training/image_2.*kitti-semantic --root .*--download"):
        KITTISemantic(tmp_path)
