import json

import numpy as np
import pytest

from mtl_plugins.prepare.dataset_summary import find_differences, image_statistics, print_summary, summarize

CLASSES = ("sky", "road", "car")


@pytest.fixture
def summary():
    mask = np.array([[0, 0, 1, 255]], np.uint8)
    depth = np.array([[0.0, 2.5, 7.25, 0.0]])
    found = [
        image_statistics(["semseg", "depth"], mask, depth),
        image_statistics(["semseg"], mask),
        image_statistics(["depth"], depth=depth * 0),
    ]
    return summarize(found, dict(train=2, val=1), CLASSES, ("semseg", "depth", "normals"))


def test_summary(summary):
    assert summary == dict(
        num_train=2,
        num_val=1,
        images=3,
        labels=dict(semseg=2, depth=2, normals=0),
        classes=list(CLASSES),
        share=dict(sky=0.5, road=0.25),
        void=0.25,
        depth_range=[2.5, 7.25],
    )
    assert json.loads(json.dumps(summary)) == summary


def test_summary_of_nothing():
    summary = summarize([], dict(train=0), CLASSES, ("semseg",))
    assert summary["share"] == {} and "depth_range" not in summary and "void" not in summary
    print_summary("head", summary)


def test_the_summary_is_printed(summary, capsys):
    print_summary("head", summary | dict(size=[3, 4]), dict(num_train=2, num_test=5), "Roads")
    head, first, second, note = capsys.readouterr().out.splitlines()
    assert head == "head"
    assert first == ("3 images of 3 x 4: train 2, val 1; labels: semseg 2, depth 2, normals 0; depth 2.50 to 7.25 m")
    assert second == "2 classes, % of the pixels: sky 50.00, road 25.00, void 25.00"
    assert note.startswith("note: images of test: 0 found, but the complete official Roads has 5: some are missing.")


def test_find_differences(summary):
    assert find_differences(summary, dict(num_train=2, images=3, labels=dict(depth=2)), "Roads") == []
    more, fewer = find_differences(summary, dict(num_train=1, labels=dict(normals=3)), "Roads")
    assert more.startswith("images of train: 2 found, but the complete official Roads has 1: there are other files")
    assert fewer.startswith("labels of normals: 0 found") and "Training works" in fewer
