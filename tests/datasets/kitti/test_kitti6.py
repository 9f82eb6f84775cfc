import shutil

import numpy as np
import pytest
import torch

from mtl_plugins.datasets import KITTI6, DataError
from mtl_plugins.images import decode_image_file
from mtl_plugins.label_spaces import label_space

from ...contracts.dataset_contract import DatasetContract
from ..data_files import SIZE, write_png
from ..driving_files import sparse_depth, write_kitti6


@pytest.fixture
def root(tmp_path):
    return write_kitti6(tmp_path)


class TestKITTI6(DatasetContract):
    @pytest.fixture
    def config(self, root):
        (root / "intrinsics.txt").write_text("".join(f"{i:06d} {20 + i} 21 15.5 11.5\n" for i in range(6)))
        return dict(type="KITTI6", data_root=str(root))


class TestKITTI6Lists(DatasetContract):
    @pytest.fixture
    def config(self, root):
        names = [f"{i:06d}.png" for i in range(4)]
        (root / "train.txt").write_text("".join(f"rgb/{n}\tmasks/{n}\tdepth/{n}\n" for n in names))
        return dict(type="KITTI6", data_root=str(root))


def ids_of(i):
    ids = np.random.default_rng(i).integers(0, 7, SIZE)
    return np.where(ids == 6, 255, ids)


def test_colours_and_ids_are_equivalent(root):
    dataset = KITTI6(root, depth_scale=800)
    assert dataset.label_counts() == dict(semseg=5, depth=4), "every fifth image is held out"
    assert np.array_equal(dataset[0]["semseg"][0].numpy(), ids_of(0))
    np.testing.assert_allclose(dataset[0]["depth"][0].numpy(), sparse_depth(0) / 800, rtol=1e-6)
    for i in range(6):
        write_png(root / "masks" / f"{i:06d}.png", ids_of(i).astype(np.uint8))
    assert all(torch.equal(KITTI6(root)[i]["semseg"], dataset[i]["semseg"]) for i in range(5))
    write_png(root / "masks" / "000000.png", np.full(SIZE, 6, np.uint8))
    with pytest.raises(DataError, match="000000.png contains class id 6, but there are 6 classes"):
        KITTI6(root)[0]


def test_a_list_overrides_the_holdout_split(root):
    assert [len(KITTI6(root, split)) for split in ("train", "val", "trainval")] == [5, 1, 6]
    (root / "test.txt").write_text("rgb/000001.png\tmasks/000001.png\nrgb/000003.png\t-\tdepth/000003.png\n")
    dataset = KITTI6(root, "test", depth_range=(2, 60))
    assert dataset.label_counts() == dict(semseg=1, depth=1)
    assert dataset[1]["depth"].max() <= 60
    with pytest.raises(FileNotFoundError, match=r"list .*train.txt does not exist; existing lists: \['test.txt'\]"):
        KITTI6(root, "train")


def test_all_files_in_one_folder(root, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for i in range(3):
        for folder, beginning in (("rgb", ""), ("masks", "segm_gt_"), ("depth", "depth_gt_")):
            shutil.copy(root / folder / f"{i:06d}.png", flat / f"{beginning}{i:06d}.png")
    (flat / "depth_gt_000001.png").unlink()
    dataset = KITTI6(flat)
    assert dataset.label_counts() == dict(semseg=3, depth=2)
    assert np.array_equal(dataset[2]["semseg"][0].numpy(), ids_of(2))


def test_the_authors_frame(shared):
    folder = shared("data/kitti_samples")
    dataset = KITTI6(folder, "trainval")
    assert dataset.label_counts() == dict(semseg=1, depth=0)
    sample = dataset[0]
    assert sample["img"].shape == (3, 370, 1226) and "intrinsics" not in sample
    ids = sample["semseg"][0]
    space = label_space("kitti6")
    colours = torch.tensor([*space.palette, *[(0, 0, 0)] * (256 - len(space.palette))], dtype=torch.uint8)
    assert torch.equal(colours[ids.long()].permute(2, 0, 1), decode_image_file(folder / "segm_gt_000099.png", "RGB"))
    sky, road = (ids == space.classes.index(name) for name in ("sky", "road"))
    rows = torch.arange(370.0)[:, None].expand(ids.shape)
    assert rows[sky].mean() < 100 < 200 < rows[road].mean()


def test_options_of_nyudv2_raise(root):
    with pytest.raises(TypeError, match="unexpected keyword argument 'label_space'"):
        KITTI6(root, label_space="nyud13")
    write_png(root / "rgb" / "000000.png", np.zeros((480, 640, 3), np.uint8))
    assert "intrinsics" not in KITTI6(root, tasks=[])[0], "no Kinect"
