import numpy as np
import pytest
import torch

from mtl_plugins.datasets import DataError, IDDLite
from mtl_plugins.label_spaces import VOID, class_map, label_space

from ..contracts.dataset_contract import DatasetContract
from .data_files import SIZE, write_png
from .driving_files import write_iddlite


@pytest.fixture
def root(tmp_path):
    return write_iddlite(tmp_path)


class TestIDDLite(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="IDDLite", data_root=str(root))


def test_images_of_all_sequences_with_the_ids_of_their_files(root):
    dataset = IDDLite(root)
    assert [sample.img.relative_to(root / "leftImg8bit" / "train").as_posix() for sample in dataset.samples] == [
        *("0/frame0000_image.jpg", "0/frame0001_image.jpg", "17/frame0000_image.jpg", "17/frame0001_image.jpg")
    ]
    expected = np.random.default_rng(0).integers(0, 7, SIZE, dtype=np.uint8)
    expected[0, :3] = 255
    assert (dataset[0]["semseg"][0].numpy() == expected).all()
    assert dataset.metainfo["classes"][0] == "drivable" and dataset.num_classes == 7


def test_a_missing_annotation_is_a_missing_label(root):
    assert IDDLite(root, "test").label_counts() == dict(semseg=0)
    (root / "gtFine" / "train" / "17" / "frame0001_label.png").unlink()
    dataset = IDDLite(root)
    assert dataset.label_counts() == dict(semseg=3) and "semseg" not in dataset[3]


def test_another_label_space(root):
    plain, mapped = IDDLite(root, "val"), IDDLite(root, "val", label_space="kitti6")
    assert mapped.metainfo["classes"] == label_space("kitti6").classes
    lut = torch.from_numpy(class_map("iddlite7", "kitti6"))
    assert [lut[i].item() for i in range(7)] == [2, VOID, VOID, VOID, VOID, VOID, 0]
    assert torch.equal(mapped[0]["semseg"], lut[plain[0]["semseg"].long()])


def test_errors_name_the_file_and_the_folder(root):
    write_png(root / "gtFine" / "train" / "0" / "frame0000_label.png", np.full(SIZE, 7, np.uint8))
    with pytest.raises(DataError, match=r"frame0000_label.png contains class id 7, but there are 7 classes: 0…6"):
        IDDLite(root)[0]
    with pytest.raises(DataError, match="split is empty, no image in .*leftImg8bit/valid"):
        IDDLite(root, "valid")
