"""How fast a config trains: against a plain loop, under the Runner, and fed by its data."""

import contextlib
import copy
import io
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement, PixelData
from torch.utils.data import Dataset

from mtl_plugins.apis.build import build_runner
from mtl_plugins.apis.config import drop_pretrained, innermost_datasets
from mtl_plugins.datasets import SynthRooms
from mtl_plugins.kernels import without_kernels
from mtl_plugins.registry import DATASETS, MODELS, OPTIMIZERS, SCOPE
from mtl_plugins.synthrooms import prepare_synthrooms

from .distillation_cost import compare_distillation, distillation_config
from .plain_reading import plain_reading
from .timing import WARM_UP, Section, Stopwatch, alternate, contender, synchronizer, to_row, to_rows

DEFAULT_SIZE = (240, 320)
_IMAGES_ON_DISK = 8  # of the stand-in for SynthRooms where it was not prepared
_IMAGES_READ = 16  # in the comparison of ways to read
_HOOKS_SHOWN = 3


@dataclass(frozen=True)
class Setting:
    """What is measured: images (H, W), images a batch, and ``rounds`` turns of ``steps`` batches a contender."""

    size: tuple[int, int]
    batch_size: int
    steps: int = 3
    rounds: int = 5

    def __post_init__(self):
        for name, value in vars(self).items():
            if (min(value) if name == "size" else value) < 1:
                raise ValueError(f"{name}={value}: at least 1 is needed to measure anything.")


def benchmark_training(cfg: Config, setting: Setting) -> Iterator[Section]:
    """Yields the sections as they are measured: step, teachers (where there are any), Runner, data, reading."""
    cfg = _for_benchmark(cfg)
    init_default_scope(cfg.get("default_scope", SCOPE))
    model, optim_wrapper = build_training(cfg)
    samples = synthetic_samples(model, setting)
    train = compare_steps(cfg, model, optim_wrapper, samples, setting)
    yield train
    if hook := distillation_config(cfg):
        yield compare_distillation(hook, model, optim_wrapper, samples, setting)
    yield compare_runner(cfg, model, optim_wrapper, samples, setting)
    yield measure_data(cfg, setting, train.rows[-1].images_per_second)
    yield compare_reading(cfg, setting)


# What is trained, and on what


def _for_benchmark(cfg):
    """The config without what does not change the speed of a training step: weights to load, validation, test."""
    cfg = copy.deepcopy(cfg)
    drop_pretrained(cfg)
    cfg.load_from, cfg.resume = None, False
    for hook in cfg.get("custom_hooks") or ():
        for teacher in hook.get("teachers", ()):
            teacher.pop("checkpoint", None)
    for phase in ("val", "test"):
        for key in ("dataloader", "cfg", "evaluator"):
            cfg[f"{phase}_{key}"] = None
    return cfg


def build_training(cfg: Config):
    """``(model, optim_wrapper)`` as the Runner makes them of a config, in training mode on the Runner's device."""
    model = MODELS.build(cfg.model).to(get_device()).train()
    return model, build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))


def training_size(cfg: Config) -> tuple[int, int]:
    """(H, W) that the training pipeline ends with: its last transform's ``size``, else ``DEFAULT_SIZE``."""
    for dataset in innermost_datasets(cfg.train_dataloader.dataset):
        for transform in reversed(dataset.get("pipeline") or ()):
            size = transform.get("size") if isinstance(transform, dict) else None
            if isinstance(size, int):
                return size, size
            if size is not None and len(size) == 2:
                return tuple(size)
    return DEFAULT_SIZE


@torch.no_grad()
def synthetic_samples(model: torch.nn.Module, setting: Setting) -> list[dict]:
    """A batch of packed samples: random images uint8 (3, H, W), and a label (C, H, W) for each head.

    A prediction has the form of its label, so the labels are what the network answers for other random images. That
    serves heads that nobody here knows of.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (2, setting.batch_size, 3, *setting.size), dtype=torch.uint8, generator=generator)
    training = model.training
    answers = model.eval().val_step(pseudo_collate([_packed(image, {}) for image in images[1]]))
    model.train(training)
    return [
        _packed(image, {task: value.cpu() for task, value in answer.pred.items()})
        for image, answer in zip(images[0], answers, strict=True)
    ]


def _packed(image, labels):
    size = tuple(image.shape[-2:])
    sample = BaseDataElement(metainfo=dict(img_path="random", sample_idx=0, ori_shape=size, img_shape=size))
    sample.gt = PixelData(**labels)
    # as PackSample lays them out
    return dict(inputs=image[None].contiguous(memory_format=torch.channels_last)[0], data_samples=sample)


class InMemoryDataset(Dataset):
    """``length`` samples out of a few, as if read in no time; a key is an index, or (index, seed)."""

    def __init__(self, samples: Sequence[dict], length: int):
        self.samples, self.length = samples, length
        self.metainfo = {}

    def __len__(self):
        return self.length

    def __getitem__(self, key):
        index = key[0] if isinstance(key, (tuple, list)) else key
        return self.samples[index % len(self.samples)]

    def label_counts(self):
        return {task: self.length for task in self.samples[0]["data_samples"].gt.keys()}


# 1. The step


def compare_steps(cfg, model, optim_wrapper, samples, setting) -> Section:
    """The config's own training step against the plain one, of the same network on the same batch."""
    batch = pseudo_collate(samples)
    plain = plain_step(cfg, copy.deepcopy(model), samples)
    if options := cfg.get("compile"):
        model.compile_network(**(options if isinstance(options, dict) else {}))
    contenders = {
        "plain": contender(plain, model, keep_memory=False),
        "ours": contender(lambda: model.train_step(batch, optim_wrapper), model, keep_memory=True),
    }
    rows = to_rows(alternate(contenders, setting.rounds, setting.steps), len(samples), "train: ")
    shares = step_shares(model, optim_wrapper, batch, setting.rounds * setting.steps)
    height, width = setting.size
    dtype = str(getattr(optim_wrapper, "dtype", torch.float32)).removeprefix("torch.")
    told = ", ".join(f"{part} {100 * share:.0f} %" for part, share in shares.items())
    notes = (
        f"plain: eager, NCHW, float32, unfused {type(optim_wrapper.optimizer).__name__}, the C library's own memory "
        "settings; "
        f"ours: the config's settings ({dtype})",
        *([f"parts of ours: {told}"] if told else []),
    )
    figures = {f"share_{part}": share for part, share in shares.items()}
    return Section(f"Training step, {height}x{width}, batch {len(samples)}", rows, figures, notes)


def plain_step(cfg: Config, model: torch.nn.Module, samples: Sequence[dict]) -> Callable[[], torch.Tensor]:
    """A training step as one writes it by hand: NCHW, float32, no autocast, an optimiser without fusing.

    It shares the network, the losses, the kind of optimiser and the clipping with the config, and nothing else; none of
    our kernels.
    """
    model = model.to(memory_format=torch.contiguous_format)
    parameters = list(model.parameters())
    device = parameters[0].device
    options = {key: value for key, value in cfg.optim_wrapper.optimizer.items() if key not in ("fused", "foreach")}
    optimizer = OPTIMIZERS.build(dict(options, params=parameters))
    clip = cfg.optim_wrapper.get("clip_grad")
    preprocessor = model.data_preprocessor
    mean, scale = getattr(preprocessor, "mean", 0.0), getattr(preprocessor, "scale", 1 / 255)
    labels = [sample["data_samples"] for sample in samples]

    @without_kernels()
    def step():
        images = torch.stack([sample["inputs"] for sample in samples]).contiguous().to(device)
        images = (images.float() - mean) * scale
        losses = model(images, [label.to(device) for label in labels], mode="loss")
        loss, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(parameters, **{k: v for k, v in clip.items() if k != "type"})
        optimizer.step()
        return loss.detach()

    return step


def step_shares(model, optim_wrapper, batch, steps: int) -> dict[str, float]:
    """Shares of preprocess, forward, backward and optimiser (clipping included) in ``train_step``'s time."""
    synchronize = synchronizer(model)
    parts = [
        ("preprocess", model.data_preprocessor, "forward"),
        ("forward", model, "_run_forward"),
        ("backward", optim_wrapper, "backward"),
        ("optimiser", optim_wrapper, "step"),
        ("optimiser", optim_wrapper, "zero_grad"),
    ]
    start = time.perf_counter()
    with Stopwatch(synchronize).watching(parts) as watch:
        for _ in range(steps):
            model.train_step(batch, optim_wrapper)
    synchronize()
    total = time.perf_counter() - start
    shares = {part: seconds / total for part, seconds in watch.seconds.items()}
    return {**shares, "rest": max(0.0, 1 - sum(shares.values()))}


# 2. The Runner


class _MeasuredEnoughError(Exception):
    pass


class _TakeTurns(Hook):
    """After each iteration of the Runner lets one of the bare loop run, and times both."""

    priority = "LOWEST"  # and registered after all others: their work is the Runner's

    def __init__(self, bare_step, synchronize, count, after_warm_up):
        self.bare_step, self.synchronize, self.count, self.after_warm_up = bare_step, synchronize, count, after_warm_up
        self.runner_seconds, self.bare_seconds = [], []
        self.iterations, self.since = 0, None

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.synchronize()
        took = time.perf_counter() - self.since if self.since is not None else None
        start = time.perf_counter()
        self.bare_step()
        self.synchronize()
        bare = time.perf_counter() - start
        if self.iterations >= WARM_UP:
            self.runner_seconds.append(took)
            self.bare_seconds.append(bare)
        self.iterations += 1
        if self.iterations == WARM_UP:
            self.after_warm_up()
        if len(self.bare_seconds) == self.count:
            raise _MeasuredEnoughError
        self.since = time.perf_counter()


def compare_runner(cfg, model, optim_wrapper, samples, setting) -> Section:
    """The Runner with all the config's hooks but checkpoint and validation against a bare loop over ``train_step``."""
    count = setting.rounds * setting.steps
    dataset = InMemoryDataset(samples, len(samples) * (WARM_UP + count + 1))
    batches = iter(_loader(cfg, dataset, len(samples)))
    synchronize = synchronizer(model)
    with _quiet_runner(cfg) as runner:
        runner._train_dataloader = _loader(cfg, dataset, len(samples))
        watch = Stopwatch()
        turns = _TakeTurns(
            lambda: model.train_step(next(batches), optim_wrapper),
            synchronize,
            count,
            after_warm_up=watch.seconds.clear,
        )
        stages = ("before_train_iter", "after_train_iter")
        hooks = [(type(hook).__name__, hook, stage) for hook in runner.hooks for stage in stages]
        runner.register_hook(turns)
        with watch.watching(hooks), contextlib.suppress(_MeasuredEnoughError):
            runner.train()
    times = {"bare loop": turns.bare_seconds, "Runner": turns.runner_seconds}
    paired = {name: [[second] for second in seconds] for name, seconds in times.items()}
    rows = to_rows(paired, len(samples), "runner: ")
    return _runner_section(rows, {name: seconds / count for name, seconds in watch.seconds.items()})


def _runner_section(rows, hook_seconds):
    bare = rows[0].ms_median
    overhead = 100 * (1 / rows[1].ratio_to_baseline - 1)
    of_hooks = 1e3 * sum(hook_seconds.values())
    costliest = sorted(hook_seconds.items(), key=lambda item: -item[1])[:_HOOKS_SHOWN]
    told = ", ".join(f"{name} {1e3 * seconds:.2f} ms" for name, seconds in costliest)
    notes = (
        f"the Runner's overhead: {overhead:.1f} % (median of paired iterations)",
        f"hooks, timed by themselves: {of_hooks:.2f} ms an iteration, {100 * of_hooks / bare:.1f} % of the bare "
        f"loop's; most: {told}",
    )
    figures = dict(overhead_percent=overhead, hooks_ms=of_hooks, hooks_percent=100 * of_hooks / bare)
    figures |= {f"hook_ms.{name}": 1e3 * seconds for name, seconds in hook_seconds.items()}
    return Section("Runner against a bare loop", rows, figures, notes)


@contextlib.contextmanager
def _quiet_runner(cfg):
    """A Runner that writes into a temporary folder, log included, and nothing to the screen."""
    cfg = copy.deepcopy(cfg)
    hooks = cfg.setdefault("default_hooks", {})
    hooks.update(checkpoint=None)
    cfg.experiment_name = f"benchmark_{uuid.uuid4().hex}"  # mmengine keeps loggers and visualizers by this name
    with tempfile.TemporaryDirectory(prefix="mtl-benchmark-") as folder, contextlib.redirect_stdout(io.StringIO()):
        cfg.work_dir = folder
        runner = build_runner(cfg)
        try:
            yield runner
        finally:
            runner.visualizer.close()
            for handler in list(runner.logger.handlers):
                handler.close()
                runner.logger.removeHandler(handler)  # mmengine writes to the current logger's handlers itself


def _loader(cfg, dataset, batch_size):
    wanted = {key: cfg.train_dataloader[key] for key in ("sampler", "collate_fn") if key in cfg.train_dataloader}
    sampler = wanted.pop("sampler", dict(type="DefaultSampler", shuffle=True))
    loader = dict(dataset=dataset, batch_size=batch_size, num_workers=0, sampler=sampler, **wanted)
    return Runner.build_dataloader(loader)


# 3. The data


def measure_data(cfg: Config, setting: Setting, training_speed: float) -> Section:
    """Images a second that one worker process prepares, against the ``training_speed`` measured before."""
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
        notes.append(f"the pipeline gives {training_size(cfg)}, training was measured at {tuple(setting.size)}")
    figures = dict(num_workers=workers, times_training=workers * ratio, feeds=workers * ratio >= 1)
    return Section(title, (row,), figures, tuple(notes))


def compare_reading(cfg: Config, setting: Setting) -> Section:
    """Images a second in one thread: PIL and numpy by hand, this project's pipeline, and that with a cache."""
    title = "Reading and augmenting, one thread"
    with tempfile.TemporaryDirectory(prefix="mtl-benchmark-") as folder:
        try:
            dataset_cfg, origin = _dataset_on_disk(cfg, folder)
            parts = [dict(part, limit=_IMAGES_READ) for part in innermost_datasets(dataset_cfg)]
            ours = [DATASETS.build(part) for part in parts]
            cached = [DATASETS.build(dict(part, cache="memory")) for part in parts]
            plain = [plain_reading(d.samples, d.labels, part["pipeline"]) for d, part in zip(ours, parts, strict=True)]
        except (FileNotFoundError, NotImplementedError) as error:
            return Section(title, notes=(f"not measured: {error}",))
        draw, images = np.random.default_rng(0), min(map(len, ours))

        def of_each(datasets, read):
            def run():
                for dataset in datasets:
                    for index in range(images):
                        read(dataset, index)

            return run

        contenders = {
            "PIL + numpy": of_each(plain, lambda read, index: read(index, draw)),
            "ours": of_each(ours, lambda dataset, index: dataset[index, int(draw.integers(2**32))]),
            "ours, cached": of_each(cached, lambda dataset, index: dataset[index, int(draw.integers(2**32))]),
        }
        with one_thread():
            times = alternate(contenders, setting.rounds, setting.steps, warm_up=1)
    return Section(title, to_rows(times, images * len(ours), "read: "), {}, (origin,))


def _feeds(workers, ratio):
    if not workers:
        return "feeds: no, with num_workers=0 training waits for each batch: give train_dataloader.num_workers"
    answer = "yes" if workers * ratio >= 1 else "no"
    return (
        f"feeds: {answer}, {workers} workers prepare {workers * ratio:.1f} times what training eats; "
        f"feeding it takes {100 / ratio / _cores():.0f} % of the {_cores()} cores"
    )


def _dataset_on_disk(cfg, folder):
    """The config of the training set, and where it is from; SynthRooms that was not prepared is made in ``folder``."""
    dataset = copy.deepcopy(cfg.train_dataloader.dataset)
    parts = innermost_datasets(dataset)
    root = parts[0].get("data_root")
    rendered = all(part.type in ("SynthRooms", SynthRooms) for part in parts)
    if rendered and not Path(root or folder, "synthrooms.json").is_file():
        prepare_synthrooms(folder, _IMAGES_ON_DISK, 0, DEFAULT_SIZE, progress=False)
        for part in parts:
            part.data_root = folder
        return dataset, f"{_IMAGES_ON_DISK} images rendered for this ({root} is not there)"
    return dataset, f"data of {root}"


def read_seconds(cfg: Config, dataset: Dataset, setting: Setting) -> list[float]:
    """Seconds for each of ``rounds * steps`` batches, read as a worker of the data loader reads them."""
    loader = _loader(cfg, dataset, setting.batch_size)
    keys = _endless(loader.sampler)

    def read_batch():
        loader.collate_fn([dataset[key] for key in islice(keys, setting.batch_size)])

    with one_thread():
        [turn] = alternate({"worker": read_batch}, 1, setting.rounds * setting.steps, warm_up=1)["worker"]
    return turn


@contextlib.contextmanager
def one_thread():
    """Within the context torch computes in one thread, as the data loader has it in its workers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _endless(sampler):
    while True:
        yield from sampler


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


# Out


def machine(setting: Setting) -> dict:
    """What the numbers hold for: sizes, device, threads, versions."""
    device = get_device()
    return dict(
        size=list(setting.size),
        batch_size=setting.batch_size,
        rounds=setting.rounds,
        steps=setting.steps,
        device=torch.cuda.get_device_name() if device == "cuda" else device,
        cores=_cores(),
        threads=torch.get_num_threads(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        torch=torch.__version__,
    )
