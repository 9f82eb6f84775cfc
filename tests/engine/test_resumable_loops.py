"""Saving after any step and continuing there: the same weights at the end, and each sample of an epoch once."""

import os
from collections import Counter

import pytest
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.hooks import Hook

from mtl_plugins.datasets import SeededInfiniteSampler, SeededSampler
from mtl_plugins.registry import HOOKS

from .toy_run import ToyDataset, assert_same, build_runner, in_process, last

LENGTH = 23  # six steps of four samples; the last one is incomplete
EMA = dict(type="EMAHook", momentum=0.3)
WRAPPER = dict(type="mmengine.MMDistributedDataParallel", broadcast_buffers=False, device_ids=None)


@HOOKS.register_module()
class SaveAndEnd(Hook):
    """Saves after a step, then ends the process."""

    priority = "LOWEST"

    def __init__(self, step):
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.step:
            next(hook for hook in runner.hooks if hasattr(hook, "save_now")).save_now(runner)
            torch.distributed.barrier() if torch.distributed.is_initialized() else None
            os._exit(0)


@HOOKS.register_module()
class NoteSamples(Hook):
    """Appends the samples of each step to a file for each process, with the epoch."""

    def __init__(self, path):
        self.path = path

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        epoch = runner.train_loop.data.epoch
        with open(f"{self.path}-{os.environ.get('RANK', 0)}", "a") as file:
            file.writelines(f"{epoch} {sample.img_path}\n" for sample in data_batch["data_samples"])


def run(work_dir, hooks=(), length=LENGTH, world_size=1, step=None, resume=False, **options):
    """Train in `world_size` processes: to the end, or saving and ending after `step`."""
    options["dataset"] = ToyDataset(length)
    hooks = [*hooks, *([dict(type="SaveAndEnd", step=step)] if step else [])]
    if world_size == 1:
        assert in_process(_train, work_dir, hooks=hooks, resume=resume, **options) == 0
        return
    store = f"{work_dir}-store-{step}-{resume}"
    assert in_process(_train_in_processes, world_size, store, work_dir, hooks=hooks, resume=resume, **options) == 0


def _train(work_dir, **options):
    torch.set_num_threads(1)
    build_runner(work_dir, **options).train()


def _train_in_processes(world_size, store, *args, **kwargs):
    context = torch.multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_train_as, args=(rank, world_size, store, *args), kwargs=kwargs)
        for rank in range(world_size)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    os._exit(max(abs(process.exitcode) for process in processes))


def _train_as(rank, world_size, store, work_dir, **options):
    os.environ |= dict(RANK=str(rank), LOCAL_RANK=str(rank))
    torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world_size)
    _train(work_dir, launcher="pytorch", cfg=dict(model_wrapper_cfg=WRAPPER), **options)


LOOPS = dict(
    epochs=dict(epochs=3, sampler=SeededSampler),
    iterations=dict(iters=16, sampler=SeededInfiniteSampler, checkpoint=dict(interval=5)),
    iterations_of_a_finite_sampler=dict(iters=16, sampler=SeededSampler, checkpoint=dict(interval=5)),
)


@pytest.mark.parametrize(
    ("name", "accumulative_counts", "world_size"),
    [("epochs", 4, 2), *((name, 1, 1) for name in LOOPS), ("epochs", 1, 2), ("iterations", 1, 2)],
)
def test_a_run_saved_after_any_step_ends_like_an_uninterrupted_one(tmp_path, name, world_size, accumulative_counts):
    options = dict(LOOPS[name], hooks=[EMA], world_size=world_size, batch_size=4 // world_size)
    options |= dict(optimizer_options=dict(accumulative_counts=accumulative_counts))
    run(tmp_path / "uninterrupted", **options)
    for step in (7, 12):  # within an epoch; at the end of one
        run(tmp_path / "resumed", step=step, resume=step > 7, **options)
        assert (tmp_path / "resumed" / f"iter_{step}.pth").exists()
    run(tmp_path / "resumed", resume=True, **options)
    expected, found = last(tmp_path / "uninterrupted"), last(tmp_path / "resumed")
    for part in ("state_dict", "ema_state_dict", "optimizer", "param_schedulers"):
        assert_same(expected[part], found[part], part)
    assert expected["meta"]["iter"] == found["meta"]["iter"] == (16 if "iters" in options else 18)
    names = [sorted(path.name for path in (tmp_path / run).glob("*.pth")) for run in ("uninterrupted", "resumed")]
    assert names[0] == names[1]  # the checkpoints in between were replaced


@pytest.mark.parametrize("name", ["epochs", "iterations"])
def test_each_sample_is_seen_once_when_processes_and_batch_size_change(tmp_path, name):
    options = dict(LOOPS[name]) | (dict(epochs=2) if name == "epochs" else dict(iters=12))
    options |= dict(hooks=[dict(type="NoteSamples", path=str(tmp_path / "seen"))], length=24)
    work = tmp_path / "work"
    run(work, step=2, batch_size=4, **options)  # 8 samples
    run(work, step=3 if name == "iterations" else 5, world_size=2, batch_size=3, resume=True, **options)
    run(work, batch_size=2, resume=True, **options)
    seen = Counter(line for path in tmp_path.glob("seen-*") for line in path.read_text().splitlines())
    if name == "epochs":
        assert len(seen) == 2 * 24 and set(seen.values()) == {1}
    else:
        assert sum(seen.values()) == 8 + 6 + 9 * 2 and set(seen.values()) == {1, 2} and len(seen) == 24


class CountedDataset(ToyDataset):
    """Appends a line to a file for each sample that is read."""

    def __init__(self, length, path):
        super().__init__(length)
        self.path = path

    def __getitem__(self, key):
        with open(self.path, "a") as file:
            file.write(f"{key}\n")
        return super().__getitem__(key)


@pytest.mark.parametrize("sampler", [SeededInfiniteSampler, SeededSampler, InfiniteSampler, None])
def test_a_resumed_run_reads_only_the_samples_of_its_own_steps(tmp_path, sampler):
    reads = tmp_path / "reads"
    options = dict(iters=30, sampler=sampler, dataset=CountedDataset(12, reads), val_dataloader=None)
    options |= dict(
        val_cfg=None, val_evaluator=None, checkpoint=dict(interval=100, save_best=None), param_scheduler=None
    )
    uninterrupted = in_process(_train, tmp_path / "uninterrupted", **options)
    assert uninterrupted == 0
    expected = reads.read_text().splitlines()
    reads.unlink()
    assert in_process(_train, tmp_path / "work", hooks=[dict(type="SaveAndEnd", step=28)], **options) == 0
    reads.unlink()
    assert in_process(_train, tmp_path / "work", resume=True, **options) == 0
    assert reads.read_text().splitlines() == expected[28 * 4 :]
