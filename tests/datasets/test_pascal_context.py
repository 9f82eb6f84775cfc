import shutil

import numpy as np
import pytest
import torch

from mtl_plugins.datasets import DataError, PASCALContext
from mtl_plugins.datasets.pascal_context import PART_CLASSES, read_context_edges
from mtl_plugins.functional.edges import label_boundaries, thin

from ..contracts.dataset_contract import DatasetContract
from .data_files import SIZE, random_image, write_png
from .mat_labels import save, write_label_map, write_parts

NAMES = ("2008_000002", "2008_000003", "2008_000007")


def box(rows, columns):
    mask = np.zeros(SIZE, bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask


def label_map():
    labels = np.full(SIZE, 2)
    labels[8:, 10:] = 415
    return labels


@pytest.fixture
def root(tmp_path):
    """The archive's folders: image 0 has all labels, 1 has classes and no person, 2 only edges."""
    lists = tmp_path / "ImageSets" / "Context"
    lists.mkdir(parents=True)
    for split in ("train", "val"):
        (lists / f"{split}.txt").write_text("".join(f"{name}\n" for name in NAMES))
    for i, name in enumerate(NAMES):
        write_png(tmp_path / "JPEGImages" / f"{name}.jpg", random_image(i))
        write_label_map(tmp_path / "pascal-context" / "trainval" / f"{name}.mat", label_map())
    ids = np.random.default_rng(0).integers(0, 21, SIZE, dtype=np.uint8)
    ids[0, 0] = 255
    write_png(tmp_path / "semseg" / "VOC12" / f"{NAMES[0]}.png", ids)
    write_png(tmp_path / "semseg" / "pascal-context" / f"{NAMES[0]}.png", np.zeros(SIZE, np.uint8))
    write_png(tmp_path / "semseg" / "pascal-context" / f"{NAMES[1]}.png", np.full(SIZE, 15, np.uint8))
    head, foot = box((0, 5), (0, 5)), box((20, 24), (0, 5))
    human = ("person", box((0, 24), (0, 5)), dict(head=head, hair=head, rfoot=foot))
    write_parts(
        tmp_path / "human_parts" / f"{NAMES[0]}.mat",
        [human, ("dog", foot, dict(tail=foot)), ("person", foot, {})],
    )
    write_parts(tmp_path / "human_parts" / f"{NAMES[1]}.mat", [("dog", foot, dict(tail=foot)), ("person", foot, {})])
    salient = np.zeros(SIZE, np.uint8)
    salient[:4], salient[4:6] = 255, 100
    write_png(tmp_path / "sal_distill" / f"{NAMES[0]}.png", salient)
    write_png(tmp_path / "normals_distill" / f"{NAMES[0]}.png", np.full((*SIZE, 3), (128, 128, 255), np.uint8))
    return tmp_path


class TestPASCALContext(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="PASCALContext", data_root=str(root), tasks=["semseg", "saliency", "normals", "edge"])


def test_the_labels_of_each_image(root):
    dataset = PASCALContext(root)
    assert dataset.label_counts() == dict(semseg=2, parts=2, saliency=1, normals=1, edge=3)
    first, second, third = (set(dataset[i]) - {"img", "meta"} for i in range(3))
    assert first == {"semseg", "parts", "saliency", "normals", "edge"}
    assert second == {"semseg", "edge"}, "no person has parts"
    assert third == {"edge"}
    assert dataset[0]["semseg"][0, 0, 0] == 255, "the folder VOC12 comes first"
    assert (dataset[1]["semseg"] == 15).all() and dataset.metainfo["classes"][15] == "person"


def test_human_parts(root):
    dataset = PASCALContext(root)
    parts = dataset[0]["parts"][0].numpy()
    expected = np.zeros(SIZE)
    expected[:5, :5], expected[20:, :5] = PART_CLASSES.index("head"), PART_CLASSES.index("lower leg")
    np.testing.assert_array_equal(parts, expected)
    assert dataset.metainfo["task_classes"]["parts"] == PART_CLASSES and len(PART_CLASSES) == 7


def test_saliency_is_cut_and_normals_face_the_camera(root):
    sample = PASCALContext(root)[0]
    assert sample["saliency"].dtype == torch.uint8
    assert (sample["saliency"][0, :4] == 1).all() and (sample["saliency"][0, 4:] == 0).all()
    torch.testing.assert_close(
        sample["normals"][:, 0, 0].as_subclass(torch.Tensor), torch.tensor([0.0, 0, -1]), atol=0.01, rtol=0
    )


def test_edges_of_training_and_of_evaluation(root):
    train, val = PASCALContext(root)[0]["edge"][0].numpy(), PASCALContext(root, "val")[0]["edge"][0].numpy()
    np.testing.assert_array_equal(val, thin(label_boundaries(label_map())))
    assert (train != val).any() and set(np.unique(train)) == {0, 1}
    assert not train[:6].any() and not train[:, :8].any()
    at = root / "pascal-context" / "trainval" / f"{NAMES[0]}.mat"
    np.testing.assert_array_equal(read_context_edges(at)[0].numpy(), train)


def test_a_root_without_its_context_folder(root):
    shutil.rmtree(root / "pascal-context")
    with pytest.raises(FileNotFoundError, match=r"pascal-context/trainval does not exist; edges.*leave edges out"):
        PASCALContext(root)
    assert "edge" not in PASCALContext(root, tasks=["semseg", "parts"])[0]


def test_a_part_outside_the_list(root):
    path = root / "human_parts" / f"{NAMES[0]}.mat"
    write_parts(path, [("person", box((0, 4), (0, 4)), dict(wing=box((0, 4), (0, 4))))])
    with pytest.raises(DataError, match=r"2008_000002.mat has the part 'wing' of a person.*: hair, head"):
        PASCALContext(root)[0]
    save(path, other=np.ones(3))
    with pytest.raises(DataError, match="no annotation"):
        PASCALContext(root)[0]


def test_missing_split_and_unknown_rule(root):
    with pytest.raises(FileNotFoundError, match=r"test.txt does not exist; existing splits: \['train', 'val'\]"):
        PASCALContext(root, "test")
    with pytest.raises(ValueError, match="use laplacian or seg2bmap"):
        PASCALContext(root, edge_rule="canny")
