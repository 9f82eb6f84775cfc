import numpy as np
import pytest
import torch

from mtl_plugins.datasets import DataError, NYUDMultiTask
from mtl_plugins.label_spaces import class_map, label_space

from ..contracts.dataset_contract import DatasetContract
from .data_files import SIZE, random_image, write_png


def write_npy(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


@pytest.fixture
def root(tmp_path):
    """The archive's folders: image 0 has all labels, 1 only edges as PNG and normals, 2 none."""
    (tmp_path / "gt_sets").mkdir()
    (tmp_path / "gt_sets" / "train.txt").write_text("0001\n0002\n0003\n")
    for i in range(3):
        write_png(tmp_path / "images" / f"000{i + 1}.png", random_image(i))
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 41, SIZE, dtype=np.uint8)
    ids[0, :2] = (0, 40)
    write_png(tmp_path / "segmentation" / "0001.png", ids)
    depth = rng.uniform(1, 5, SIZE).astype(np.float32)
    depth[0, 0] = 0
    write_npy(tmp_path / "depth" / "0001.npy", depth)
    normals = np.zeros((*SIZE, 3), np.float32)
    normals[..., 2] = 1  # towards the camera
    normals[0, 0] = 0
    write_npy(tmp_path / "normals" / "0001.npy", normals)
    write_npy(tmp_path / "edge" / "0001.npy", (rng.random(SIZE) < 0.1).astype(np.float32))
    write_png(tmp_path / "edge" / "0002.png", np.uint8(255) * (rng.random(SIZE) < 0.1).astype(np.uint8))
    write_png(tmp_path / "normals" / "0002.png", np.full((*SIZE, 3), (255, 128, 128), np.uint8))
    return tmp_path


class TestNYUDMultiTask(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="NYUDMultiTask", data_root=str(root))


def test_ids_start_from_one_and_zero_is_void(root):
    dataset = NYUDMultiTask(root)
    assert dataset.label_counts() == dict(semseg=1, depth=1, normals=2, edge=2)
    ids = dataset[0]["semseg"]
    assert ids[0, 0, :2].tolist() == [255, 39] and dataset.metainfo["classes"] == label_space("nyud40").classes
    mapped = NYUDMultiTask(root, label_space="nyud13")
    lut = torch.from_numpy(class_map("nyud40", "nyud13"))
    assert torch.equal(mapped[0]["semseg"], lut[ids.long()]) and mapped.num_classes == 13


def test_depth_in_metres_normals_in_the_camera_frame_and_edges(root):
    first, second = NYUDMultiTask(root)[0], NYUDMultiTask(root)[1]
    assert first["depth"][0, 0, 0] == 0 and 1 <= first["depth"][0, 1:].min()
    assert first["normals"][:, 5, 5].tolist() == [0, 0, -1], "a surface that faces the camera"
    assert first["normals"][:, 0, 0].tolist() == [0, 0, 0]
    assert second["normals"][0].min() > 0.99
    for sample in (first, second):
        assert set(sample["edge"].unique().tolist()) == {0, 1}


def test_soft_edges_raise_unless_a_threshold_is_given(root):
    write_npy(root / "edge" / "0001.npy", np.full(SIZE, 0.3, np.float32))
    with pytest.raises(DataError, match=r"0001.npy: edges are 0 or 1.*threshold=0.5"):
        NYUDMultiTask(root)[0]
    assert NYUDMultiTask(root, labels=dict(edge=dict(threshold=0.2)))[0]["edge"].min() == 1


def test_missing_list_and_missing_image(root):
    with pytest.raises(FileNotFoundError, match=r"val.txt does not exist; existing splits: \['train'\].*NYUD_MT"):
        NYUDMultiTask(root, "val")
    (root / "images" / "0002.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the files listed[\s\S]*0002.jpg"):
        NYUDMultiTask(root)
