"""The speed of the data pipeline: of one worker against training, and of several ways to read."""

import contextlib
import copy
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import torch
from mmengine.config import Config
from torch.utils.data import Dataset

from mtl_plugins.apis.config import innermost_datasets
from mtl_plugins.datasets import SynthRooms
from mtl_plugins.registry import DATASETS
from mtl_plugins.synthrooms import prepare_synthrooms

from .machine import available_cores
from .pil_pipeline import pil_pipeline
from .section import Section, to_row, to_rows
from .timing import alternate
from .training_setting import DEFAULT_SIZE, TrainingSetting, build_loader, training_size

_RENDERED_IMAGES = 8  # if a config's SynthRooms set was not prepared
_IMAGES_READ = 16  # when ways to read are compared


def measure_data(cfg: Config, setting: TrainingSetting, training_speed: float) -> Section:
    """Measure the images per second that one worker process prepares.

    Args:
        cfg: The config.
        setting: Batch size, steps and rounds.
        training_speed: Images per second of training, to which the result is compared.
    """
    title = "Data pipeline, one worker (one thread: read, augment, pack)"
    with tempfile.TemporaryDirectory(prefix="mtl-benchmark-") as folder:
        try:
            dataset_cfg, origin = _dataset_on_disk(cfg, folder)
            dataset = DATASETS.build(dataset_cfg)
        except FileNotFoundError as error:
            return Section(title, notes=(f"not measured: {error}",))
        seconds = read_seconds(cfg, dataset, setting)
    ratio = setting.batch_size / median(seconds) / training_speed
    row = to_row("data: one worker", seconds, setting.batch_size, ratio)
    workers = cfg.train_dataloader.get("num_workers", 0)
    notes = [f"{origin}; ratio: to the training measured above", _feeds(workers, ratio)]
    if tuple(setting.size) != training_size(cfg):
        notes.append(f"the pipeline's size is {training_size(cfg)}, but training was measured at {tuple(setting.size)}")
    figures = dict(num_workers=workers, times_training=workers * ratio, feeds=workers * ratio >= 1)
    return Section(title, (row,), figures, tuple(notes))


def compare_reading(cfg: Config, setting: TrainingSetting) -> Section:
    """Compare ways to read and augment, in one thread: PIL and NumPy, our pipeline, and ours with a cache in memory.

    Args:
        cfg: The config.
        setting: Number of steps and rounds.
    """
    title = "Reading and augmenting, one thread"
    with tempfile.TemporaryDirectory(prefix="mtl-benchmark-") as folder:
        try:
            dataset_cfg, origin = _dataset_on_disk(cfg, folder)
            parts = [dict(part, limit=_IMAGES_READ) for part in innermost_datasets(dataset_cfg)]
            ours = [DATASETS.build(part) for part in parts]
            cached = [DATASETS.build(dict(part, cache="memory")) for part in parts]
            plain = [pil_pipeline(d.samples, d.labels, part["pipeline"]) for d, part in zip(ours, parts, strict=True)]
        except (FileNotFoundError, NotImplementedError) as error:
            return Section(title, notes=(f"not measured: {error}",))
        rng, images = np.random.default_rng(0), min(map(len, ours))

        def read_all(datasets: list, read: Callable) -> Callable[[], None]:
            def run() -> None:
                for dataset in datasets:
                    for index in range(images):
                        read(dataset, index)

            return run

        contenders = {
            "PIL + numpy": read_all(plain, lambda read, index: read(index, rng)),
            "ours": read_all(ours, lambda dataset, index: dataset[index, int(rng.integers(2**32))]),
            "ours, cached": read_all(cached, lambda dataset, index: dataset[index, int(rng.integers(2**32))]),
        }
        with one_thread():
            times = alternate(contenders, setting.rounds, setting.steps, warm_up=1)
    return Section(title, to_rows(times, images * len(ours), "read: "), {}, (origin,))


def read_seconds(cfg: Config, dataset: Dataset, setting: TrainingSetting) -> list[float]:
    """Seconds for each of `rounds * steps` batches, read as a worker of the data loader reads them."""
    loader = build_loader(cfg, dataset, setting.batch_size)
    keys = _endless(loader.sampler)

    def read_batch() -> None:
        loader.collate_fn([dataset[key] for key in islice(keys, setting.batch_size)])

    with one_thread():
        [turn] = alternate({"worker": read_batch}, 1, setting.rounds * setting.steps, warm_up=1)["worker"]
    return turn


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Restrict PyTorch to one thread within the context, as the data loader does in its workers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _feeds(workers: int, ratio: float) -> str:
    if not workers:
        return (
            "feeds: no, with num_workers=0 training waits for each batch. Set train_dataloader.num_workers to 1 or more"
        )
    cores = available_cores()
    return (
        f"feeds: {'yes' if workers * ratio >= 1 else 'no'}, {workers} workers prepare {workers * ratio:.1f} times the "
        f"images that training consumes; feeding it takes {100 / ratio / cores:.0f} % of the {cores} cores"
    )


def _dataset_on_disk(cfg: Config, folder: str) -> tuple[dict, str]:
    """The config of the training set and where its data come from.

    A SynthRooms set that was not prepared is rendered into `folder`.
    """
    dataset = copy.deepcopy(cfg.train_dataloader.dataset)
    parts = innermost_datasets(dataset)
    root = parts[0].get("data_root")
    rendered = all(part["type"] in ("SynthRooms", SynthRooms) for part in parts)
    if rendered and not Path(root or folder, "synthrooms.json").is_file():
        prepare_synthrooms(folder, _RENDERED_IMAGES, 0, DEFAULT_SIZE, progress=False)
        for part in parts:
            part["data_root"] = folder
        return dataset, f"{_RENDERED_IMAGES} images rendered for this ({root} does not exist)"
    return dataset, f"data of {root}"


def _endless(sampler: Iterable) -> Iterator:
    while True:
        yield from sampler
