"""The cost of balancers is measured against a model without one."""

import pytest
import torch

from mtl_plugins.apis import load_config
from mtl_plugins.benchmark import TrainingSetting, compare_balancers
from mtl_plugins.benchmark.memory import peak_tensor_memory
from tests.models.balancers.linear_model import InverseNorm


def test_time_and_memory_of_balancers(root):
    cfg = load_config(root / "configs/hydranet_synthrooms.py")
    cfg.model.backbone.model_name = "test_efficientnet"
    cfg.model.neck.channels = 8
    setting = TrainingSetting((32, 32), 2, steps=1, rounds=2)
    section = compare_balancers(cfg, setting, [dict(type=InverseNorm.__name__, at="parameters"), dict(type="Equal")])
    names = ["no balancer", "InverseNorm(at=parameters)", "Equal"]
    assert [row.name for row in section.rows] == names
    assert section.figures["time no balancer"] == pytest.approx(1)
    assert all(section.figures[f"time {name}"] > 0 for name in names)
    assert section.figures["MiB InverseNorm(at=parameters)"] > section.figures["MiB no balancer"] > 0
    assert "3 tasks" in section.title and len(section.notes) == 2


def test_the_memory_of_tensors():
    size = 2**18  # float32 numbers: one MiB
    peak = peak_tensor_memory(torch.device("cpu"), lambda: torch.zeros(size) + torch.zeros(size))
    assert peak == pytest.approx(3, abs=0.01)
