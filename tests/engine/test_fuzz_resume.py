"""Random damage to the values in a checkpoint: resuming succeeds, or one sentence names the file."""

import copy
import random

import numpy as np
import pytest
import torch
from toy_run import ToyModel, build_runner

from mtl_plugins.engine import read_checkpoint
from mtl_plugins.engine.checkpoint import write_checkpoint

from ..fuzzing import fuzz

VALUES = (
    *(None, True, -1, 0, 2**63, 10**400, 1.5, float("nan"), float("inf"), "", "../x", "é" * 2000, b"raw"),
    *([], {}, (), [[]], {"a": 1}, {1: 2}, [None], {"a": {"b": [1, "x"]}}, 3 + 4j, {1, 2}),
    *(torch.zeros(0), torch.zeros(2, 3), torch.tensor(float("nan")), torch.ones(4, 3, dtype=torch.complex64)),
    *(torch.zeros(3).to_sparse(), torch.zeros(1).expand(4, 3), torch.tensor(7), np.float64(0.5), np.arange(3)),
)


def places(value, path=()):
    """Paths to all values in nested dicts, lists and loss histories."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from places(part, (*path, index))
    elif type(value).__name__ == "HistoryBuffer":
        yield from places(value.__dict__, (*path, None))


def change(checkpoint, generator):
    """Replace, remove or rename one value; returns what was done."""
    # first the depth, so that the many weights are not chosen all the time
    by_depth = {}
    for path in places(checkpoint):
        by_depth.setdefault((len(path), path[0]), []).append(path)
    path = generator.choice(by_depth[generator.choice(sorted(by_depth, key=str))])
    holder = checkpoint
    for key in path[:-1]:
        holder = holder.__dict__ if key is None else holder[key]
    if path[-1] is None:
        return change(checkpoint, generator)
    action = generator.choice(("replace", "replace", "replace", "remove", "rename"))
    if action == "replace":
        holder[path[-1]] = copy.deepcopy(generator.choice(VALUES))
    elif action == "remove":
        del holder[path[-1]]
    elif isinstance(holder, dict):
        holder[generator.choice(("x", 5, "step", "optimizer", ""))] = holder.pop(path[-1])
    else:
        holder.insert(path[-1], copy.deepcopy(holder[path[-1]]))
    return action, path


@fuzz(short=25)
@pytest.mark.filterwarnings("ignore")
def test_damaged_values_end_in_one_sentence(trials, tmp_path):
    build_runner(tmp_path / "run", epochs=1, hooks=[dict(type="EMAHook")]).train()
    original = read_checkpoint(tmp_path / "run" / "epoch_1.pth")
    path = tmp_path / "run" / "changed.pth"
    refused = 0
    for trial in range(trials):
        checkpoint = copy.deepcopy(original)
        done = change(checkpoint, random.Random(trial))
        write_checkpoint(path, checkpoint)
        runner = build_runner(
            tmp_path / "run", epochs=1, model=ToyModel(), hooks=[dict(type="EMAHook")], load_from=str(path), resume=True
        )
        try:
            runner.train()
        except ValueError as error:
            refused += 1
            text = str(error)
            assert "changed.pth" in text and len(text) < 2500, (trial, done, text)
            assert "KeyError" not in text and "NoneType" not in text and "Traceback" not in text, (trial, done, text)
        except Exception as error:
            raise AssertionError(f"trial {trial}: {done} ended in {type(error).__name__}: {error}") from error
    assert trials // 5 < refused < trials
