"""SynthRooms as a dataset: the labels that the lists do not name."""

import logging
import shutil

import pytest
import torch
from torchvision import tv_tensors

from mtl_plugins.datasets import SynthRooms
from mtl_plugins.structures import DenseMap, EdgeMap
from mtl_plugins.synthrooms import prepare_synthrooms, render_room

SIZE = (48, 64)
ALL = ("semseg", "depth", "normals", "instances", "edge", "saliency")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("rooms") / "set"
    prepare_synthrooms(out, 3, 1, SIZE, workers=1, progress=False)
    return out


def test_tasks_select_the_labels(folder):
    assert SynthRooms(folder).tasks == ("semseg", "depth", "normals")
    assert set(SynthRooms(folder)[0]) == {"img", "meta", "intrinsics", "semseg", "depth", "normals"}
    assert set(SynthRooms(folder, tasks=["edge"])[0]) == {"img", "meta", "intrinsics", "edge"}


def test_labels_equal_the_rendered_room(folder):
    for index, sample in enumerate(SynthRooms(folder, tasks=ALL)):
        room = render_room(0, index, SIZE)
        assert type(sample["instances"]) is tv_tensors.Mask and sample["instances"].dtype == torch.int32
        assert type(sample["edge"]) is EdgeMap and type(sample["saliency"]) is DenseMap
        for key in ("instances", "edge", "saliency"):
            assert torch.equal(sample[key][0].as_subclass(torch.Tensor).long(), torch.from_numpy(room[key]).long())
        if index == 2:
            break


def test_files_that_are_missing_are_missing_labels(folder, tmp_path, caplog):
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    shutil.rmtree(old / "edge")
    (old / "saliency" / "000001.png").unlink()
    with caplog.at_level(logging.WARNING):
        dataset = SynthRooms(old, tasks=ALL)
    assert ["saliency" in dataset[i] for i in range(3)] == [True, False, True]
    assert not any("edge" in dataset[i] for i in range(3))
    assert dataset.tasks == ALL


def test_settings_of_a_label_and_a_listed_file_are_kept(folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    shutil.copytree(other / "edge", other / "mine")
    lines = (other / "train.txt").read_text().splitlines()
    (other / "list.txt").write_text("".join(f"{line}\tmine/{line[4:14]}\n" for line in lines))
    labels = dict(edge=dict(folder="mine"))
    dataset = SynthRooms(other, tasks=["edge"], labels=labels, ann_file="list.txt")
    assert dataset.samples[0].labels == dict(edge=other / "mine/000000.png")
    assert SynthRooms(other, tasks=["edge"], labels=labels).samples[0].labels == dict(edge=other / "mine/000000.png")
