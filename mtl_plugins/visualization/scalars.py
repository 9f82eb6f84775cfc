"""Reading the scalars of a run, which mmengine's `LocalVisBackend` writes."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

#: Where `LocalVisBackend` writes the scalars of one start of a run
SCALARS_FILE = "vis_data/scalars.json"
_COUNTERS = ("iter", "step", "epoch", "train/iter", "train/epoch", "val/step")

#: One logged line, `{key: value}`
Line = dict[str, Any]

#: Steps and values
Curve = tuple[np.ndarray, np.ndarray]


def read_scalars(work_dir: str | Path) -> dict[str, list[Line]]:
    """Read all `<work_dir>/<timestamp>/vis_data/scalars.json`, oldest first; see `join_scalars`.

    Lines that a killed process left incomplete, and damaged ones, are skipped.
    """
    lines = []
    for path in sorted(Path(work_dir).glob(f"*/{SCALARS_FILE}")):
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict) and all(isinstance(line.get(key, 0), int) for key in _COUNTERS):
                lines.append(line)
    return join_scalars(lines)


def join_scalars(lines: Iterable[Line]) -> dict[str, list[Line]]:
    """Join the lines of a run that was started several times into one history.

    If training starts again from an earlier point (a resume, or a new start at 0), its lines replace everything logged
    beyond that point. mmengine's training lines have `iter`. Validation lines only have `step`, which counts epochs, or
    iterations if the training lines have no `epoch`.

    Returns:
        `{"train": lines, "val": lines}`, each sorted by `step`, with one line per step.
    """
    train: dict[int, Line] = {}
    val: dict[int, Line] = {}
    for line in lines:
        line = {_without_prefix(key): value for key, value in line.items()}
        if "iter" in line:
            start: int = line["iter"]
            validated: int = line.get("epoch", start)
            if train and start <= max(train):
                train = {step: old for step, old in train.items() if step < start}
                val = {step: old for step, old in val.items() if step < validated}
            train[start] = line
        elif line.get("step", 0) > 0:  # 0 is a validation without training, which is not part of a curve
            val[line["step"]] = line
    return {"train": [train[step] for step in sorted(train)], "val": [val[step] for step in sorted(val)]}


def points_of(lines: Iterable[Line], key: str, step: str) -> Curve:
    """The steps and values of the lines that have a value.

    Args:
        lines: Logged lines.
        key: Key of the value.
        step: Key of the steps.
    """
    points = [(line[step], line[key]) for line in lines if isinstance(line.get(key), int | float)]
    steps, values = zip(*points, strict=True) if points else ((), ())
    return np.array(steps), np.array(values, dtype=float)


def _without_prefix(key: str) -> str:
    # LogProcessor(log_with_hierarchy=True) writes train/loss and val/depth/rmse.
    return key.removeprefix("train/").removeprefix("val/")
