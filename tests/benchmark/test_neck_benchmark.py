"""The benchmark of task interaction measures equal operations."""

import pytest
import torch
from torch.utils._pytree import tree_leaves

from mtl_plugins.benchmark.neck_benchmark import _cases, compare_necks

CASES = dict(_cases((64, 64), 2))


@pytest.mark.parametrize("name", CASES)
def test_both_contenders_compute_maps_of_the_same_sizes(name):
    case = CASES[name]()
    if name == "MTAN":
        case.ours.forward = lambda features: [case.ours.attend(task, features) for task in case.ours.masks[0]]
    with torch.no_grad():
        outputs = [tree_leaves(network.eval()(case.features)) for network in (case.ours, case.plain)]
    assert sorted(x.shape for x in outputs[0]) == sorted(x.shape for x in outputs[1])
    ours, plain = (sum(p.numel() for p in network.parameters()) for network in (case.ours, case.plain))
    predictions = sum(p.numel() for n, p in case.plain.named_parameters() if n.startswith("predictions"))
    assert ours == plain - predictions


def test_figures():
    section = compare_necks((32, 32), 1, steps=1, rounds=1, names=["CrossStitchBackbone"])
    assert set(section.figures) == {"CrossStitchBackbone, training", "CrossStitchBackbone, prediction"}
    assert all(ratio > 0 for ratio in section.figures.values()) and len(section.rows) == 4
