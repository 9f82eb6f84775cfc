"""The list of samples that could not be read, in a real training of one and of two processes."""

import os

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from toy_run import ToyRunner, in_process

from mtl_plugins.datasets import DataError
from mtl_plugins.engine import BAD_SAMPLES_FILE

from ..datasets.test_bad_samples import COUNT, SKIP, truncate, write


class GreyModel(BaseModel):
    """Learns the mean grey level; its prediction is class 0."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(()))
        self.seen = []

    def forward(self, inputs, data_samples=None, mode="tensor"):
        if mode == "loss":
            self.seen += [int(image[0, 0, 0]) for image in inputs]
            return dict(loss=sum((image.float().mean() * self.scale - 1) ** 2 for image in inputs))
        for sample, image in zip(data_samples, inputs, strict=True):
            sample.pred = dict(semseg=torch.zeros(1, *image.shape[1:], dtype=torch.uint8))
        return data_samples


def make_runner(root, work_dir, epochs=2, workers=0, resume=False, **skip):
    dataset = dict(
        type="NYUDv2", data_root=str(root), tasks=["semseg"], pipeline=[dict(type="PackSample")], **(SKIP | skip)
    )
    loader = dict(batch_size=2, num_workers=workers, dataset=dataset, collate_fn=dict(type="pseudo_collate"))
    return ToyRunner(
        model=GreyModel(),
        work_dir=str(work_dir),
        train_dataloader=dict(loader, sampler=dict(type="SeededSampler")),
        val_dataloader=dict(loader, sampler=dict(type="DefaultSampler", shuffle=False)),
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=1),
        val_cfg=dict(),
        val_evaluator=dict(type="SegmentationMetric", per_class=False),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=1e-6)),
        default_hooks=dict(checkpoint=dict(type="AtomicCheckpointHook", interval=1)),
        custom_hooks=[dict(type="BadSamplesHook")],
        randomness=dict(seed=3),
        default_scope="mtl_plugins",
        experiment_name=f"bad{os.urandom(4).hex()}",
        resume=resume,
        log_level="INFO",
        cfg=dict(log_level="INFO"),
    )


@pytest.fixture
def root(tmp_path):
    root = write(tmp_path / "data")
    truncate(root / "rgb/3.png")
    truncate(root / "masks/8.png")
    return root


def listed(work_dir):
    lines = (work_dir / BAD_SAMPLES_FILE).read_text().splitlines()
    assert lines[0] == "# loop\timage\tsample_idx\tdataset\treason"
    return [tuple(line.split("\t")[:3:2]) for line in lines[1:]]


EXPECTED = [("train", "3"), ("train", "8"), ("val", "3"), ("val", "8")]


@pytest.mark.parametrize("workers", [0, 2])
def test_the_list_and_the_log(root, tmp_path, workers):
    runner = make_runner(root, tmp_path / "run", workers=workers)
    runner.train()
    assert listed(tmp_path / "run") == EXPECTED
    log = next((tmp_path / "run").glob("*/*.log")).read_text()
    assert log.count("2 samples of the train set could not be read so far; others replace them.") == 1
    assert log.count("2 samples of the val set could not be read so far; no metric counts them.") == 1
    assert log.count(f"{COUNT - 2} images, without 2 that could not be read") == 2
    shown = set(runner.model.seen)
    assert {3, 8}.isdisjoint(shown) and len(shown) == COUNT - 2


def test_a_resumed_run_replaces_equally_and_continues_the_list(root, tmp_path):
    complete = make_runner(root, tmp_path / "complete", epochs=3)
    complete.train()
    make_runner(root, tmp_path / "parts", epochs=1).train()
    resumed = make_runner(root, tmp_path / "parts", epochs=3, resume=True)
    resumed.train()
    assert resumed.model.seen == complete.model.seen[COUNT:] and torch.equal(resumed.model.scale, complete.model.scale)
    files = [(tmp_path / name / BAD_SAMPLES_FILE).read_text() for name in ("complete", "parts")]
    assert files[0] == files[1]


def test_too_many_bad_samples_stop_the_run(root, tmp_path):
    runner = make_runner(root, tmp_path / "run", max_bad_samples=1)
    with pytest.raises(
        DataError, match=r"2 samples of the train set .* max_bad_samples=1 of \d+ samples allows 1\. .*3\.png"
    ):
        runner.train()
    assert len(listed(tmp_path / "run")) == 2


def test_nothing_is_written_without_bad_samples(tmp_path):
    make_runner(write(tmp_path / "data"), tmp_path / "run", epochs=1).train()
    assert not (tmp_path / "run" / BAD_SAMPLES_FILE).exists()


def train_rank(root, work_dir, rank):
    torch.set_num_threads(1)
    store = f"file://{work_dir}.store"
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    Runner.wrap_model = lambda self, config, model: model  # each process trains its share, which is enough here
    runner = make_runner(root, work_dir, epochs=1)
    runner.train()
    found = runner.hooks[[type(hook).__name__ for hook in runner.hooks].index("BadSamplesHook")]._found
    assert sorted((loop, str(bad.sample_idx)) for (loop, _), bad in found.items()) == EXPECTED
    torch.distributed.destroy_process_group()


def in_rank(root, work_dir, rank):
    return in_process(train_rank, root, work_dir, rank)


def test_two_processes_write_one_list(root, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        codes = pool.map(in_rank, [root] * 2, [tmp_path / "run"] * 2, range(2))
        assert list(codes) == [0, 0]
    assert listed(tmp_path / "run") == EXPECTED
