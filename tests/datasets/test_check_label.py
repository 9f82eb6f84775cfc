"""A reader that returns something else than a label is named, with what it may return."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from mtl_plugins.datasets import DataError, ListedDataset
from mtl_plugins.datasets.check_label import check_label
from mtl_plugins.structures import DenseMap, ImageLabel

WRONG = [
    (3, "returned a int 3 for x.png: a reader returns tv_tensors.Mask"),
    (0.5, "returned a float 0.5"),
    (np.zeros((4, 4)), "returned a ndarray for x.png"),
    ([1, 2], "returned a list for"),
    ({"a": 1}, "returned a dict for"),
    ("kitchen", "returned a str for"),
    (torch.tensor(3), r"returned a Tensor of shape \(\) for"),
    (torch.zeros(1, 4, 4), r"returned a Tensor of shape \(1, 4, 4\) for"),
    (tv_tensors.Mask(torch.zeros(4, 4, dtype=torch.uint8)), r"shape \(4, 4\) for x.png, but a map has three axes"),
    (DenseMap(torch.zeros(1, 1, 4, 4)), "but a map has three axes"),
    (tv_tensors.Mask(torch.zeros(1, 4, 4)), "a Mask of torch.float32 .*: class ids are integers"),
    (tv_tensors.Mask(torch.zeros(1, 4, 4, dtype=torch.complex64)), "of torch.complex64"),
]


@pytest.mark.parametrize("label, message", WRONG)
def test_other_values_are_refused(label, message):
    with pytest.raises(TypeError, match=message):
        check_label(label, "scene", "x.png", "MyData")


@pytest.mark.parametrize(
    "label",
    [None, ImageLabel([1]), DenseMap(torch.zeros(2, 4, 4)), tv_tensors.Mask(torch.zeros(1, 4, 4, dtype=torch.uint8))],
)
def test_labels_are_accepted(label):
    check_label(label, "scene", "x.png", "MyData")


class Scenes(ListedDataset):
    def default_labels(self):
        return {}


def scenes(folder, reader):
    """A dataset of one image with the label `scene`, a text file."""
    Image.new("RGB", (8, 6)).save(folder / "a.png")
    (folder / "a.txt").write_text("3")
    (folder / "train.txt").write_text("a.png\ta.txt\n")
    return Scenes(folder, labels=dict(scene=dict(folder=None, reader=reader)), tasks=["scene"])


def test_a_dataset_names_the_label_of_a_wrong_reader(tmp_path):
    dataset = scenes(tmp_path, lambda path: 3)
    with pytest.raises(TypeError, match=r"the reader of the label 'scene' returned a int 3 for .*a.txt"):
        dataset[0]


class OddError(Exception):
    def __init__(self, code, reason):
        super().__init__(code, reason)


def raise_(error):
    raise error


READERS = [
    (lambda path: DenseMap(torch.zeros(4, 4)), ValueError, r"ValueError: DenseMap must be \(\.\.\., C, H, W\)"),
    (lambda path: ImageLabel(3), ValueError, r"ValueError: ImageLabel has the shape \(K,\)"),
    (lambda path: ImageLabel([[3]]), ValueError, "ValueError: ImageLabel"),
    (lambda path: {}["id"], RuntimeError, "KeyError: 'id'"),
    (lambda path: next(iter(())), RuntimeError, "StopIteration: "),
    (lambda path: path.nothing, RuntimeError, "AttributeError: .*nothing"),
    (lambda path: path + 1, TypeError, "TypeError: unsupported"),
    (lambda path: raise_(OddError(1, "odd")), RuntimeError, r"OddError: \(1, 'odd'\)"),
    (lambda path: raise_(OSError("broken")), OSError, "OSError: broken"),
]


@pytest.mark.parametrize("reader, kind, message", READERS)
def test_the_errors_of_a_reader_name_label_file_and_reader(tmp_path, reader, kind, message):
    dataset = scenes(tmp_path, reader)
    where = r"Scenes \(split 'train'\): the reader <lambda> of the label 'scene' failed for .*a\.txt: "
    with pytest.raises(kind, match=where + message) as raised:
        dataset[0]
    assert raised.value.__cause__ is not None


@pytest.mark.parametrize("kind", [ValueError, DataError, OSError])
def test_errors_that_name_the_file_are_unchanged(tmp_path, kind):
    with pytest.raises(kind) as raised:
        scenes(tmp_path, lambda path: raise_(kind(f"{path} is damaged")))[0]
    assert str(raised.value) == f"{tmp_path / 'a.txt'} is damaged"
