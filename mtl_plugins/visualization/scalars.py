"""The scalars that mmengine's ``LocalVisBackend`` has written, of all starts of one run."""

import json
from pathlib import Path


def read_scalars(work_dir):
    """Lines of each ``<work_dir>/<timestamp>/vis_data/scalars.json``, oldest first, as ``join_scalars``.

    A line that was cut by a kill is passed over.
    """
    lines = []
    for path in sorted(Path(work_dir).glob("*/vis_data/scalars.json")):
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except json.JSONDecodeError:
                continue
            if isinstance(line, dict):
                lines.append(line)
    return join_scalars(lines)


def join_scalars(lines):
    """One history out of the lines of a run that was started several times.

    Training that goes on from an earlier point (a resume, or a new start at 0) replaces all that was written
    beyond that point: later lines win. mmengine's training lines have ``iter``; a validation's have only
    ``step``, which counts epochs, or iterations where training lines have no ``epoch``.

    Returns ``{'train': [...], 'val': [...]}``, each sorted by ``step``, one line a step.
    """
    train, val = {}, {}
    for line in lines:
        line = {_without_prefix(key): value for key, value in line.items()}
        if "iter" in line:
            start, validated = line["iter"], line.get("epoch", line["iter"])
            if train and start <= max(train):
                train = {step: old for step, old in train.items() if step < start}
                val = {step: old for step, old in val.items() if step < validated}
            train[start] = line
        elif line.get("step", 0) > 0:  # 0: a validation without training, no point of a curve
            val[line["step"]] = line
    return {"train": [train[step] for step in sorted(train)], "val": [val[step] for step in sorted(val)]}


def _without_prefix(key):
    # LogProcessor(log_with_hierarchy=True) writes train/loss and val/depth/rmse.
    return key.removeprefix("train/").removeprefix("val/")
