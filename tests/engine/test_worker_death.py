"""A worker process of a data loader that is killed: the message names the sample, the cause and the cure."""

import os
import signal
from types import SimpleNamespace

import pytest
from mmengine.registry import FUNCTIONS
from torch.utils.data import DataLoader, Dataset

from mtl_plugins.datasets import CamVid
from mtl_plugins.datasets.reading_notes import note_reading, watch_workers
from mtl_plugins.engine.explain_worker_death import explain_worker_death, worker_death_message
from mtl_plugins.files import WorkerKilledError

from ..datasets.data_files import write_camvid
from .toy_run import ToyDataset, build_runner, collate


class Deadly(Dataset):
    """Kills its worker at index 5."""

    def __init__(self, number):
        self.number = number

    def __len__(self):
        return 8

    def __getitem__(self, index):
        note_reading(f"image_{index}.png")
        if index == 5:
            os.kill(os.getpid(), self.number)
        return index


@pytest.mark.parametrize(
    ("context", "number", "advice"),
    [
        ("spawn", signal.SIGKILL, r"\(Killed\) .* the memory ran out: lower num_workers or batch_size"),
        ("fork", signal.SIGSEGV, r"\(Segmentation fault\) .* create its files again, or leave it out"),
    ],
)
def test_the_message_names_the_sample_and_what_to_lower(context, number, advice):
    loader = DataLoader(Deadly(number), batch_size=2, num_workers=2, multiprocessing_context=context)
    watch_workers(loader)
    runner = SimpleNamespace(_train_loop=SimpleNamespace(dataloader=loader))
    with pytest.raises(WorkerKilledError, match=advice) as caught, explain_worker_death(runner):
        list(loader)
    assert "while it read image_5.png. " in str(caught.value) and "\n" not in str(caught.value)


def test_other_errors_keep_their_message():
    assert worker_death_message(RuntimeError("CUDA out of memory"), []) is None
    full = RuntimeError("DataLoader worker (pid 12) is killed by signal: Bus error. It is possible that ...")
    assert "lower num_workers, batch_size or prefetch_factor" in worker_death_message(full, [])
    assert "with num_workers=0" in worker_death_message(RuntimeError("DataLoader worker (pid(s) 1, 2) ..."), []).lower()


class DeadlyToys(ToyDataset):
    def __getitem__(self, key):
        index = key[0] if isinstance(key, tuple) else key
        note_reading(f"image_{index}.png")
        if index == 6:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(key)


def test_a_training_ends_with_one_sentence(tmp_path):
    FUNCTIONS.register_module(name="collate_toys", module=collate, force=True)
    runner = build_runner(tmp_path)
    runner._train_dataloader = dict(
        dataset=DeadlyToys(),
        batch_size=2,
        num_workers=1,
        sampler=dict(type="DefaultSampler", shuffle=False),
        collate_fn=dict(type="collate_toys"),
    )
    with pytest.raises(WorkerKilledError, match=r"died \(Killed\) while it read image_6.png. Usually"):
        runner.train()


def test_datasets_note_what_they_read(tmp_path):
    root = write_camvid(tmp_path)
    loader = DataLoader(CamVid(root), num_workers=1, batch_size=4, collate_fn=list, persistent_workers=True)
    watch_workers(loader)
    iterator = iter(loader)
    next(iterator)
    (worker,) = iterator._workers
    assert loader.reading_notes.note_of(worker.pid) == str(root / "train" / "frame_3.jpg")
    assert loader.reading_notes.note_of(1) is None
