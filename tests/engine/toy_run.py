"""A tiny real run of mmengine with dropout, BatchNorm and validation, and ways to kill it."""

import multiprocessing
import os
from pathlib import Path

import numpy as np
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement, PixelData
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mtl_plugins.engine import AtomicLocalBackend, MultiTaskRunner, read_checkpoint
from mtl_plugins.files import TEMPORARY_PREFIX, atomic_write
from mtl_plugins.registry import HOOKS

HOOKS.import_from_location()  # here, so that the processes forked below need not import it


class ToyRunner(MultiTaskRunner):
    def _log_env(self, env_cfg):
        """Skip mmengine's log of the environment, which runs git and gcc for a second."""


class ToyDataset(Dataset):
    """Random vectors; those with an even index have a label."""

    def __init__(self, length=8):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, key):
        index = key[0] if isinstance(key, tuple) else key  # SeededSampler yields (index, seed)
        rng = np.random.default_rng(index)
        gt = {"depth": torch.ones(1, 2, 2)} if index % 2 == 0 else {}
        sample = BaseDataElement(metainfo=dict(img_path=f"image_{index}.png"), gt=PixelData(**gt))
        return dict(inputs=torch.from_numpy(rng.standard_normal(3).astype("float32")), data_samples=sample)


def collate(batch):
    return dict(
        inputs=torch.stack([sample["inputs"] for sample in batch]),
        data_samples=[sample["data_samples"] for sample in batch],
    )


class ToyModel(BaseModel):
    def __init__(self, width=4, heads=("depth",), spoil_at=None):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Sequential(nn.Linear(3, width), nn.Dropout(0.5), nn.BatchNorm1d(width))
        self.heads = nn.ModuleDict({task: nn.Linear(width, 1) for task in heads})
        self.spoil_at, self.calls = spoil_at, 0

    def forward(self, inputs, data_samples=None, mode="tensor"):
        features = self.stem(inputs)
        outputs = {task: head(features) for task, head in self.heads.items()}
        if mode == "loss":
            self.calls += 1
            factor = float("nan") if self.calls == self.spoil_at else 1.0
            return {f"{task}.loss_l2": (out - 1).square().mean() * factor for task, out in outputs.items()}
        if mode == "predict":
            return [dict(value=float(value)) for value in outputs["depth"]]
        return outputs


class ToyMetric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += [(sample["value"] - 1) ** 2 for sample in data_samples]

    def compute_metrics(self, results):
        return {"depth/rmse": float(np.sqrt(np.mean(results)))}


def build_runner(
    work_dir,
    epochs=2,
    model=None,
    dataset=None,
    iters=None,
    hooks=(),
    checkpoint=None,
    sampler=None,
    batch_size=4,
    optimizer_options=None,
    **config,
):
    def loader(**options):
        return DataLoader(dataset or ToyDataset(), batch_size=batch_size, collate_fn=collate, **options)

    by_iter = dict(type="IterBasedTrainLoop", max_iters=iters, val_interval=2)
    schedule = [
        dict(type="PolyLR", by_epoch=False, begin=0, end=20),
        dict(type="ReduceOnPlateauLR", monitor="depth/rmse", rule="less", patience=0, factor=0.5),
    ]
    validation = dict(
        param_scheduler=schedule, val_dataloader=loader(), val_cfg=dict(), val_evaluator=Evaluator(ToyMetric())
    )
    config = validation | config
    return ToyRunner(
        model=model or ToyModel(),
        work_dir=str(work_dir),
        train_dataloader=loader(sampler=sampler and sampler(dataset or ToyDataset(), seed=3)),
        train_cfg=by_iter if iters else dict(by_epoch=True, max_epochs=epochs, val_interval=1),
        optim_wrapper=dict(optimizer=dict(type="Adam", lr=0.05), **(optimizer_options or {})),
        default_hooks=dict(
            checkpoint=dict(
                dict(type="AtomicCheckpointHook", interval=1, max_keep_ckpts=1, save_best="depth/rmse"),
                **(checkpoint or {}),
            ),
            logger=dict(type="LoggerHook", interval=1),
        ),
        custom_hooks=[dict(type="SeedIterationHook"), dict(type="NonFiniteLossHook"), *hooks],
        randomness=dict(seed=3),
        default_scope="mtl_plugins",
        experiment_name=os.path.basename(str(work_dir)) + os.urandom(4).hex(),
        cfg=dict(log_level="ERROR") | config.pop("cfg", {}),
        log_level="ERROR",
        **config,
    )


def die():
    os._exit(9)  # like kill -9: no clean-up, no flushing


def kill_in_save(stage, number):
    """End the process at a stage of writing the `number`-th .pth file; see `STAGES`."""
    counts = dict(put=0)
    put, replace = AtomicLocalBackend.put, os.replace

    def counted_put(self, obj, path):
        pth = str(path).endswith(".pth")
        counts["put"] += pth
        due = counts["put"] == number
        if due and pth and stage == "before_temporary":
            die()
        if due and pth and stage == "mid_write":
            half = Path(path).with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{Path(path).name}")
            half.write_bytes(obj[: len(obj) // 2])
            die()
        if due and not pth and stage == "before_pointer":
            die()
        put(self, obj, path)
        if due and not pth and stage == "before_prune":
            die()

    def counted_replace(source, target):
        if counts["put"] == number and str(target).endswith(".pth") and stage == "before_rename":
            die()
        replace(source, target)
        if counts["put"] == number and str(target).endswith(".pth") and stage == "after_rename":
            die()

    AtomicLocalBackend.put = counted_put
    atomic_write.os.replace = counted_replace


STAGES = ("before_temporary", "mid_write", "before_rename", "after_rename", "before_pointer", "before_prune")


def train(work_dir, kill=None, **kwargs):
    """Train to the end, or until `kill=(stage, number of the file)` ends the process; call it with `in_process`."""
    torch.set_num_threads(1)
    if kill:
        kill_in_save(*kill)
    build_runner(work_dir, **kwargs).train()


def in_process(function, *args, **kwargs):
    """Call `function` in a separate process and return its exit code."""
    # A forked process starts quickly because it imports nothing. But a process that has used CUDA or exported a network
    # has autograd threads and must not be forked. The fork server imports once and has no threads.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=function, args=args, kwargs=kwargs)
    process.start()
    process.join()
    return process.exitcode


def last(folder):
    """The last checkpoint of a run."""
    return read_checkpoint(Path(folder, "last_checkpoint").read_text())


def assert_same(a, b, path="checkpoint"):
    """Compare every tensor, number and loss history bit by bit; paths, the config and the git revision may differ."""
    assert type(a) is type(b), path
    if isinstance(a, dict):
        assert a.keys() == b.keys(), (path, a.keys() ^ b.keys())
        for key in a:
            if key not in ("cfg", "last_ckpt", "best_ckpt", "mmengine_version"):
                assert_same(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), path
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{path}[{i}]")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), path
    elif hasattr(a, "data") and type(a).__name__ == "HistoryBuffer":
        assert [x.tolist() for x in a.data] == [x.tolist() for x in b.data], path
    else:
        assert a == b, path
