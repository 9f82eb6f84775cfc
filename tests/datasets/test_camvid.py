import numpy as np
import pytest
import torch

from mtl_plugins.datasets import CamVid, DataError
from mtl_plugins.label_spaces import class_map, label_space

from ..contracts.dataset_contract import DatasetContract
from .data_files import SIZE, write_camvid, write_png


@pytest.fixture
def root(tmp_path):
    return write_camvid(tmp_path)


class TestCamVid(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="CamVid", data_root=str(root))


def test_eleven_is_void_and_a_missing_file_is_a_missing_label(root):
    dataset = CamVid(root)
    assert dataset.label_counts() == dict(semseg=3) and len(dataset) == 4
    stored = np.random.default_rng(0).integers(0, 12, SIZE, dtype=np.uint8)
    ids = dataset[0]["semseg"][0].numpy()
    assert (ids == np.where(stored == 11, 255, stored)).all()
    assert "semseg" not in dataset[3]
    assert dict(zip(dataset.metainfo["classes"], dataset.metainfo["palette"], strict=True))["road"] == (128, 64, 128)


def test_an_additional_label_has_the_same_stem(root):
    write_png(root / "traindepth" / "frame_1.png", np.full(SIZE, 512, np.uint16))
    labels = dict(depth=dict(folder="{split}depth", reader="depth", scale=256.0))
    dataset = CamVid(root, labels=labels)
    assert dataset.label_counts() == dict(semseg=3, depth=1)
    assert (dataset[1]["depth"] == 2).all()


def test_missing_split_and_empty_split(root):
    with pytest.raises(FileNotFoundError, match=".*test does not exist; existing folders: .*'train', 'trainannot'"):
        CamVid(root, "test")
    (root / "val").mkdir()
    with pytest.raises(DataError, match="split is empty, no image in .*val"):
        CamVid(root, "val")


def test_class_out_of_range(root):
    write_png(root / "trainannot" / "frame_0.png", np.full(SIZE, 12, np.uint8))
    with pytest.raises(DataError, match=r"frame_0.png contains class id 12, but there are 11 classes: 0…10"):
        CamVid(root)[0]
    names = [f"c{i}" for i in range(13)]
    assert CamVid(root, metainfo=dict(classes=names))[0]["semseg"].max() == 12


def test_another_label_space(root):
    plain, mapped = CamVid(root), CamVid(root, label_space="kitti6")
    assert mapped.metainfo["classes"] == label_space("kitti6").classes and mapped.num_classes == 6
    lut = torch.from_numpy(class_map("camvid11", "kitti6"))
    for i in range(3):
        assert torch.equal(mapped[i]["semseg"], lut[plain[i]["semseg"].long()])
    write_png(root / "trainannot" / "frame_0.png", np.full(SIZE, 12, np.uint8))
    with pytest.raises(DataError, match="frame_0.png contains class id 12, but the ids of camvid11"):
        mapped[0]
    with pytest.raises(FileNotFoundError, match="no class map from camvid11 to nyud13"):
        CamVid(root, label_space="nyud13")[0]
