"""The benchmark of distillation and its contenders."""

import pytest
from mmengine.registry import init_default_scope

from mtl_plugins.apis import load_config
from mtl_plugins.benchmark import TrainingSetting, distillation_benchmark
from mtl_plugins.benchmark.distillation_benchmark import compare_distillation, distillation_config
from mtl_plugins.benchmark.synthetic_samples import synthetic_samples
from mtl_plugins.benchmark.training_setting import build_training


def test_the_hook_is_compared_with_step_and_teachers(monkeypatch):
    cfg = load_config("configs/distillation/rooms_two_teachers.py", {"model.neck.channels": 16})
    init_default_scope("mtl_plugins")
    setting = TrainingSetting((32, 48), 4, steps=1, rounds=1)
    model, optim_wrapper = build_training(cfg)
    samples = synthetic_samples(model, setting)
    hook = distillation_config(cfg)
    for teacher in hook["teachers"]:
        teacher.pop("checkpoint")
    labelled = []
    forward = distillation_benchmark._forward_passes
    monkeypatch.setattr(
        distillation_benchmark,
        "_forward_passes",
        lambda teachers, batch: (
            labelled.extend(["semseg" in s.gt for s in batch["data_samples"]]) or forward(teachers, batch)
        ),
    )
    section = compare_distillation(hook, model, optim_wrapper, samples, setting)
    names = ["step", "teachers' forward passes", "hook", "hook and step"]
    assert [row.name for row in section.rows] == [f"distillation: {name}" for name in names]
    assert labelled == [True, False, True, False]  # every second image has no labels
    assert all("semseg" in sample["data_samples"].gt for sample in samples)  # the caller's samples are unchanged
    assert set(section.figures) == {"distillation_overhead_percent", "distillation_hook_overhead_percent"}
    assert distillation_config(load_config("hydranet_synthrooms")) is None
    hook["teachers"][0]["ema"] = True
    assert "not measured" in compare_distillation(hook, model, optim_wrapper, samples, setting).notes[0]


def test_the_excess_is_the_median_of_the_rounds():
    assert distillation_benchmark._excess_percent([11, 22, 99], [5, 10, 15], [5, 10, 15]) == pytest.approx(10)
