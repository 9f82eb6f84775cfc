"""A reader that returns something else than a label is named, with what it may return."""

import numpy as np
import pytest
import torch
from torchvision import tv_tensors

from mtl_plugins.datasets import ListedDataset
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


def test_a_dataset_names_the_label_of_a_wrong_reader(tmp_path):
    from PIL import Image

    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("3")
    (tmp_path / "train.txt").write_text("a.png\ta.txt\n")

    class Scenes(ListedDataset):
        def default_labels(self):
            return {}

    dataset = Scenes(
        tmp_path, ann_file="train.txt", labels=dict(scene=dict(folder=None, reader=lambda path: 3)), tasks=["scene"]
    )
    with pytest.raises(TypeError, match=r"the reader of the label 'scene' returned a int 3 for .*a.txt"):
        dataset[0]
