"""The latency of trained networks together with their accuracy."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch

from mtl_plugins.apis.init_model import init_model
from mtl_plugins.apis.predict_pipeline import input_size
from mtl_plugins.backends import build_backend
from mtl_plugins.engine import find_checkpoint
from mtl_plugins.files import read_json
from mtl_plugins.models import InferenceNetwork

from .network_cost import count_parameters
from .timing import alternate, contender

#: Name of the file with the scores in a work directory.
SCORES = "metrics.json"


@dataclass(frozen=True)
class SpeedAccuracyRow:
    """The speed and accuracy of one network in one backend.

    Attributes:
        network: Name of the work directory.
        backend: Name of the backend.
        height: Height in pixels at which the network predicts; its score was measured at this size.
        width: Width in pixels at which the network predicts.
        parameters: Number of parameters.
        latency_ms_median: Median time of one image in milliseconds, from normalised image to raw outputs.
        score: The score that `mtl test` wrote.
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
    """Time all networks in all backends, alternately in one run.

    All backends run in float32, so the score of a network holds for each of them.

    Args:
        work_dirs: Work directories of finished trainings. Each holds a config, a checkpoint and `metrics.json`.
        metric: Name of the score in `metrics.json`.
        backends: Names of backends.
        rounds: Turns of each network and backend.
        steps: Images per turn.

    Raises:
        FileNotFoundError: A config, a checkpoint or `metrics.json` is missing; the message says what writes it.
        ValueError: A network has no such score, or a backend is unknown or does not support the network.
        ImportError: A backend is not installed.
    """
    trained = {str(folder): _read_training(Path(folder), metric) for folder in work_dirs}
    contenders: dict[tuple[str, str], Callable[[], None]] = {}
    about = {}
    for folder, (config, checkpoint, _) in trained.items():
        model = init_model(config, checkpoint)
        size, network = input_size(model.cfg), InferenceNetwork(model)
        images = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
        images = images.contiguous(memory_format=torch.channels_last)
        about[folder] = (*size, count_parameters(model))
        for name in backends:
            call = partial(build_backend(name, network, size, batch=1), images)
            contenders[folder, name] = contender(call, model, keep_memory=True)
    times = alternate(contenders, rounds, steps)
    rows = []
    for (folder, name), turns in times.items():
        latency = 1e3 * median(second for turn in turns for second in turn)
        rows.append(SpeedAccuracyRow(_short_name(folder, trained), name, *about[folder], latency, trained[folder][2]))
    return rows


def _read_training(folder: Path, metric: str) -> tuple[Path, str, float]:
    """The config, checkpoint and score of a work directory."""
    config = folder / f"{folder.name}.py"
    if not config.is_file():
        configs = sorted(folder.glob("*.py"))
        if len(configs) != 1:
            raise FileNotFoundError(
                f"{folder} is not the work directory of a training: it must contain one config file, but contains "
                f"{len(configs)}."
            )
        [config] = configs
    checkpoint, scores = find_checkpoint(folder), folder / SCORES
    if checkpoint is None:
        raise FileNotFoundError(f"{folder} contains no checkpoint: train the network first, with mtl train.")
    if not scores.is_file():
        raise FileNotFoundError(
            f"{scores} does not exist. Write it with: mtl test {config} {checkpoint} --out {scores}"
        )
    found = {name: value for name, value in read_json(scores).items() if isinstance(value, int | float)}
    if metric not in found:
        raise ValueError(f"{scores} has no score {metric!r}: choose from {', '.join(found)}.")
    return config, checkpoint, found[metric]


def _short_name(folder: str, folders: Iterable[str]) -> str:
    """The name of a folder, or its path if another folder has the same name."""
    name = Path(folder).name
    return name if [Path(other).name for other in folders].count(name) == 1 else folder
