"""What the log says about labels at the start of a training."""

import os
import re

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from torch import nn
from toy_run import ToyRunner

from mtl_plugins.kinds import find_kind

from ..datasets.data_files import random_image, write_png

SIZE = (24, 32)


class HeadsModel(BaseModel):
    """Has the heads of all tasks, and predicts nothing."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(()))
        self.heads = nn.ModuleDict(dict.fromkeys(("semseg", "depth", "normals"), nn.Identity()))

    def forward(self, inputs, data_samples=None, mode="tensor"):
        if mode == "loss":
            return dict(loss=self.scale.square())
        for sample in data_samples:
            sample.pred = {}
        return data_samples


def write(root, count=6, metres=(1.0, 4.0), steps=5000, ids=(0, 39), normal=(128, 0, 128)):
    """NYUDv2's layout with random labels in the given ranges."""
    rng, lines = np.random.default_rng(0), []
    for i in range(count):
        write_png(root / f"rgb/{i}.png", random_image(i, SIZE))
        depth = (rng.uniform(*metres, SIZE) * steps).astype(np.uint16)
        depth[0] = 0
        write_png(root / f"depth/{i}.png", depth)
        write_png(root / f"masks/{i}.png", rng.integers(ids[0], ids[1] + 1, SIZE, dtype=np.uint8))
        write_png(root / f"normals/{i}.png", np.full((*SIZE, 3), normal, np.uint8))
        lines.append("\t".join(f"{folder}/{i}.png" for folder in ("rgb", "masks", "depth", "normals")) + "\n")
    (root / "train.txt").write_text("".join(lines))
    return root


def make_runner(root, work_dir, protocol="nyud", dataset=None, epochs=1, resume=False, **options):
    part = dict(type="NYUDv2", data_root=str(root), pipeline=[dict(type="PackSample")], **options)
    loader = dict(batch_size=2, num_workers=0, dataset=dataset or part, collate_fn=dict(type="pseudo_collate"))
    loader["sampler"] = dict(type="DefaultSampler", shuffle=False)
    return ToyRunner(
        model=HeadsModel(),
        work_dir=str(work_dir),
        train_dataloader=loader,
        val_dataloader=loader,
        test_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=10),
        val_cfg=dict(),
        test_cfg=dict(),
        val_evaluator=dict(type="DepthMetric", protocol=protocol),
        test_evaluator=dict(type="DepthMetric", protocol=protocol),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=1e-6)),
        default_hooks=dict(checkpoint=dict(type="AtomicCheckpointHook", interval=1)),
        custom_hooks=[dict(type="LabelRangesHook")],
        default_scope="mtl_plugins",
        experiment_name=f"ranges{os.urandom(4).hex()}",
        resume=resume,
        cfg=dict(log_level="INFO"),
    )


def log_of(runner, run="train"):
    getattr(runner, run)()
    with open(next(h.baseFilename for h in runner.logger.handlers if hasattr(h, "baseFilename"))) as file:
        return file.read()


def warnings_of(log):
    return re.findall("WARNING - .* of the training set", log)


def test_ranges_are_logged_once(tmp_path):
    root = write(tmp_path / "data")
    log = log_of(make_runner(root, tmp_path / "run"))
    assert "Labels of the training set, 6 of 6 images:" in log
    assert "semseg: ids 0 to 39, 40 of 40 classes, 100.0% of the pixels valid, in 6 of 6 images" in log
    assert re.search(r"depth: 1 to 4 m, median 2\.[45]\d? m, 95\.8% of the pixels valid, in 6 of 6 images", log)
    assert "normals: length 1 to 1, 100.0% of the pixels valid" in log
    assert not warnings_of(log)
    log = log_of(make_runner(root, tmp_path / "run", epochs=2, resume=True)).removeprefix(log)  # in the same second
    assert "resumed epoch: 1" in log and "Labels of the training set" not in log
    assert "Labels of the test set, 6 of 6 images:" in log_of(make_runner(root, tmp_path / "test"), "test")


@pytest.mark.parametrize(
    "data, options, message",
    [
        (dict(steps=1000), {}, r"the median reading is 0\.\d+ m, but 1 to 7 m is usual under the protocol nyud"),
        (dict(steps=5000), dict(depth_scale=1000), r"the median reading is 12\.\d m, but 1 to 7 m is usual"),
        (dict(metres=(2, 80), steps=256), dict(depth_scale=2560, protocol="kitti"), r"is 4\.\d+ m, but 5 to 30 m is"),
        (dict(ids=(255, 255)), {}, "semseg of the training set: no pixel is valid"),
        (dict(ids=(3, 3)), {}, "semseg of the training set: all pixels with a class have the same one, 3"),
        (dict(normal=(128, 255, 128)), {}, "100% of the vectors point away from the camera"),
        (dict(ids=(0, 59)), dict(labels=dict(semseg=dict(reader="classes", num_classes=None, class_map=None))),
         "the labels contain the id 59, but the 40 classes are 0 to 39"),
    ],
)  # fmt: skip
def test_implausible_labels(tmp_path, data, options, message):
    log = log_of(make_runner(write(tmp_path / "data", **data), tmp_path / "run", **options))
    assert re.search(message, log)
    assert len(warnings_of(log)) == 1


def test_each_dataset_has_its_own_lines(tmp_path):
    parts = dict(
        right=dict(type="NYUDv2", data_root=str(write(tmp_path / "a")), pipeline=[dict(type="PackSample")]),
        wrong=dict(type="NYUDv2", data_root=str(write(tmp_path / "b", steps=1000)), pipeline=[dict(type="PackSample")]),
    )
    log = log_of(make_runner(None, tmp_path / "run", dataset=dict(type="MultiDataset", datasets=parts)))
    assert "Labels of the training set 'right', 6 of 6 images" in log
    assert "depth of the training set 'wrong': the median reading is 0." in log
    assert len(warnings_of(log)) == 1


def test_samples_that_cannot_be_read_are_left_to_the_training(tmp_path):
    root = write(tmp_path / "data")
    (root / "depth/0.png").write_bytes(b"")
    log = log_of(make_runner(root, tmp_path / "run", on_bad_sample="skip", max_bad_samples=1))
    assert "Labels of the training set, 5 of 6 images" in log


@pytest.mark.parametrize(
    "kind, label, problem",
    [
        ("metric_depth", torch.full((1, 2, 2), 1500.0), "1.5e.03 m, but that of a scene is 0.1 to 300 m"),
        ("metric_depth", torch.full((1, 2, 2), 15.0), None),
        ("probability", torch.full((1, 2, 2), 255.0), "255 to 255, but probabilities are 0 to 1"),
        ("probability", torch.zeros(1, 2, 2), None),
        ("unit_vectors", torch.ones(3, 2, 2), "100% of the vectors do not have length 1"),
        ("numbers", torch.ones(3), None),
        ("image_classes", torch.tensor([3]), None),
    ],
)
def test_what_the_kinds_find_implausible(kind, label, problem):
    found = find_kind(kind).implausible([label], {})
    assert found is None if problem is None else re.search(problem, found)
    assert find_kind(kind).describe([label], {})
