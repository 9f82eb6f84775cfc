"""How fast trained networks answer, beside how well."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch
from mmengine.runner import find_latest_checkpoint

from mtl_plugins.apis.init_model import init_model
from mtl_plugins.apis.predict_pipeline import input_size
from mtl_plugins.backends import build_backend
from mtl_plugins.models import InferenceNetwork

from .timing import alternate, contender

SCORES = "metrics.json"


@dataclass(frozen=True)
class SpeedAccuracyRow:
    """One network in one backend.

    Args:
        height, width: What the network sees when it predicts, as its config says; its score was measured so.
        latency_ms_median: Of one image, normalised image in, raw outputs out.
        score: As ``tools/test.py`` wrote it.
    """

    network: str
    backend: str
    height: int
    width: int
    parameters: int
    latency_ms_median: float
    score: float


def measure_speed_accuracy(
    work_dirs: Sequence[str | Path],
    metric: str = "semseg/mIoU",
    backends: Sequence[str] = ("torch",),
    rounds: int = 5,
    steps: int = 10,
) -> list[SpeedAccuracyRow]:
    """Times all networks in all backends, in turns within this one run, in float32: so the score holds for each.

    Args:
        work_dirs: Finished trainings: each holds its config, its checkpoint and ``metrics.json``.
        metric: As that file names it.

    Raises:
        FileNotFoundError: one of the three is missing; the message says what writes it.
        ValueError: a network has no such score.
        ValueError, ImportError: as ``build_backend``.
    """
    trained = {str(folder): _read_training(Path(folder), metric) for folder in work_dirs}
    contenders, about = {}, {}
    for folder, (config, checkpoint, _) in trained.items():
        model = init_model(config, checkpoint)
        size, network = input_size(model.cfg), InferenceNetwork(model)
        images = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
        images = images.contiguous(memory_format=torch.channels_last)
        about[folder] = (*size, sum(parameter.numel() for parameter in model.parameters()))
        for name in backends:
            call = partial(build_backend(name, network, size, batch=1), images)
            contenders[folder, name] = contender(call, model, keep_memory=True)
    times = alternate(contenders, rounds, steps)
    rows = []
    for (folder, name), turns in times.items():
        latency = 1e3 * median(second for turn in turns for second in turn)
        rows.append(SpeedAccuracyRow(_short(folder, trained), name, *about[folder], latency, trained[folder][2]))
    return rows


def _read_training(folder, metric):
    """(config, checkpoint, score) of a work_dir."""
    config = folder / f"{folder.name}.py"
    if not config.is_file():
        configs = sorted(folder.glob("*.py"))
        if len(configs) != 1:
            found = f"{len(configs)} of them" if configs else "none"
            raise FileNotFoundError(f"{folder} is no training's folder: it should hold one config, and holds {found}.")
        [config] = configs
    checkpoint, scores = find_latest_checkpoint(str(folder)), folder / SCORES
    if checkpoint is None:
        raise FileNotFoundError(f"there is no checkpoint in {folder}: train it with tools/train.py first.")
    if not scores.is_file():
        raise FileNotFoundError(
            f"there is no {scores}: write it with python tools/test.py {config} {checkpoint} --out {scores}"
        )
    found = {name: value for name, value in json.loads(scores.read_text()).items() if isinstance(value, int | float)}
    if metric not in found:
        raise ValueError(f"{scores} has no score {metric!r}: choose of {', '.join(found)}.")
    return config, checkpoint, found[metric]


def _short(folder, folders):
    """The folder's name, or its path where two have one name."""
    name = Path(folder).name
    return name if [Path(other).name for other in folders].count(name) == 1 else folder
