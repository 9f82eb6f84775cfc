"""What the benchmark tells of teachers: its contenders do what their names say."""

import pytest
from mmengine.registry import init_default_scope

from mtl_plugins.apis import load_config
from mtl_plugins.benchmark import distillation_cost
from mtl_plugins.benchmark.distillation_cost import compare_distillation, distillation_config
from mtl_plugins.benchmark.training_benchmark import Setting, build_training, synthetic_samples


def test_the_hook_is_timed_against_step_and_teachers(monkeypatch):
    cfg = load_config("configs/distillation/rooms_two_teachers.py", {"model.neck.channels": 16})
    init_default_scope("mtl_plugins")
    setting = Setting((32, 48), 4, steps=1, rounds=1)
    model, optim_wrapper = build_training(cfg)
    samples = synthetic_samples(model, setting)
    hook = distillation_config(cfg)
    for teacher in hook["teachers"]:
        teacher.pop("checkpoint")
    asked = []
    forward = distillation_cost._forward_passes
    monkeypatch.setattr(
        distillation_cost,
        "_forward_passes",
        lambda teachers, batch: (
            asked.extend(["semseg" in s.gt for s in batch["data_samples"]]) or forward(teachers, batch)
        ),
    )
    section = compare_distillation(hook, model, optim_wrapper, samples, setting)
    names = ["step", "teachers' forward passes", "hook", "hook and step"]
    assert [row.name for row in section.rows] == [f"distillation: {name}" for name in names]
    assert asked == [True, False, True, False]  # every second image lacks the labels
    assert all("semseg" in sample["data_samples"].gt for sample in samples)  # the caller's stay whole
    assert set(section.figures) == {"distillation_overhead_percent", "distillation_hook_overhead_percent"}
    assert distillation_config(load_config("hydranet_synthrooms")) is None
    hook["teachers"][0]["ema"] = True
    assert "not measured" in compare_distillation(hook, model, optim_wrapper, samples, setting).notes[0]


def test_more_is_the_median_of_the_rounds():
    assert distillation_cost._more([11, 22, 99], [5, 10, 15], [5, 10, 15]) == pytest.approx(10)
