import numpy as np
import pytest
import torch

from mtl_plugins.datasets import BSDS500, DataError
from mtl_plugins.structures import EdgeMap

from ..contracts.dataset_contract import DatasetContract
from .data_files import SIZE, random_image, write_png
from .mat_labels import save, write_ground_truth


def boundaries(seed, annotators=3):
    return np.random.default_rng(seed).random((annotators, *SIZE)) < 0.2


@pytest.fixture
def root(tmp_path):
    """The official folders; the last image has no annotation."""
    for split in ("train", "val"):
        for i in range(4):
            write_png(tmp_path / "images" / split / f"{i}00.png", random_image(i))
            if i < 3:
                write_ground_truth(tmp_path / "groundTruth" / split / f"{i}00.mat", boundaries(i, 3 + i))
    return tmp_path


class TestBSDS500(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="BSDS500", data_root=str(root))


def test_annotators_are_merged_for_training_and_kept_for_evaluation(root):
    train, val = BSDS500(root), BSDS500(root, "val")
    assert len(train) == 4 and train.label_counts() == dict(edge=3)
    for i in range(3):
        expected = boundaries(i, 3 + i)
        assert type(train[i]["edge"]) is EdgeMap
        np.testing.assert_array_equal(train[i]["edge"][0].numpy(), expected.any(0))
        np.testing.assert_array_equal(val[i]["edge"].numpy(), expected)


def test_consensus_leaves_out_pixels_that_few_annotators_marked(root):
    label = BSDS500(root, annotators="consensus")[0]["edge"][0].numpy()
    share = boundaries(0).mean(0)
    np.testing.assert_array_equal(np.isnan(label), (share > 0) & (share < 0.5))
    np.testing.assert_array_equal(label == 1, share >= 0.5)


def test_real_annotations(shared):
    dataset = BSDS500(shared("data/bsds500"), "val", limit=3)
    assert dataset.label_counts() == dict(edge=3)
    for i in range(3):
        label = dataset[i]["edge"]
        assert 4 <= len(label) <= 9 and 0.005 < label.mean() < 0.1 and set(label.unique().tolist()) == {0, 1}


def test_wrong_files_and_options_raise(root):
    save(root / "groundTruth" / "train" / "000.mat", LabelMap=np.ones(SIZE, np.uint16))
    with pytest.raises(DataError, match="000.mat has no cell groundTruth with Boundaries"):
        BSDS500(root)[0]
    with pytest.raises(ValueError, match="annotators='mean' is unknown: use any, consensus, all"):
        BSDS500(root, annotators="mean")
    with pytest.raises(FileNotFoundError, match="images/test does not exist"):
        BSDS500(root, "test")


def test_a_mirrored_image_has_mirrored_annotations(root):
    plain = BSDS500(root, "val")[0]["edge"]
    flipped = BSDS500(root, "val", pipeline=[dict(type="RandomHorizontalFlip", p=1.0)])[0]["edge"]
    assert torch.equal(flipped, plain.flip(-1))
