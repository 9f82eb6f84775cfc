"""The training benchmark: timing, sections, and the command."""

import copy
import itertools
import json
import runpy
import sys
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.dataset import pseudo_collate
from mmengine.hooks import Hook
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mtl_plugins.apis import load_config
from mtl_plugins.benchmark import DEFAULT_SIZE, Section, TrainingSetting, alternate, data_benchmark, format_section
from mtl_plugins.benchmark.data_benchmark import measure_data
from mtl_plugins.benchmark.runner_benchmark import compare_runner
from mtl_plugins.benchmark.section import to_rows
from mtl_plugins.benchmark.step_benchmark import plain_step, step_shares
from mtl_plugins.benchmark.synthetic_samples import synthetic_samples
from mtl_plugins.benchmark.training_setting import build_training, training_size, without_validation
from mtl_plugins.kernels import library
from mtl_plugins.registry import HOOKS

ROOT = Path(__file__).resolve().parents[2]
SETTING = TrainingSetting(size=(64, 64), batch_size=2, steps=1, rounds=1)
seconds = st.floats(1e-4, 10)


@pytest.fixture(scope="module", autouse=True)
def light():
    Runner._log_env, log_env = (
        lambda self, env_cfg: None,
        Runner._log_env,
    )  # it runs git and gcc, which takes a second per run
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    Runner._log_env = log_env


@pytest.fixture(scope="module")
def cfg():
    init_default_scope("mtl_plugins")
    cfg = load_config("hydranet_synthrooms")
    cfg.optim_wrapper.precision = "float32"
    return cfg


@pytest.fixture(scope="module")
def training(cfg):
    torch.manual_seed(0)
    return build_training(cfg)


def test_the_kernels_are_loaded(cfg, monkeypatch):
    if not library.warm_up():
        pytest.skip("the kernels cannot be compiled here")
    monkeypatch.setattr(library, "_library", None)  # as in a new process
    monkeypatch.setattr(library, "_warmed_up", False)
    build_training(cfg)
    assert library.kernel_library() is not None


@pytest.fixture(scope="module")
def samples(training):
    return synthetic_samples(training[0], SETTING)


@given(rounds=st.integers(1, 4), steps=st.integers(1, 3), warm_up=st.integers(0, 2))
def test_contenders_alternate(rounds, steps, warm_up):
    calls = []
    contenders = {name: lambda name=name: calls.append(name) for name in "ab"}
    times = alternate(contenders, rounds, steps, warm_up, clock=itertools.count().__next__)
    assert (
        "".join(calls) == "a" * warm_up + "b" * warm_up + ("a" * (steps + 1) + "b" * (steps + 1)) * rounds
    )  # each turn has one additional call, which is not timed
    assert times == {name: [[1] * steps] * rounds for name in "ab"}  # the fake clock ticks once inside each call


@given(st.lists(st.lists(seconds, min_size=3, max_size=3), min_size=1, max_size=5), st.integers(1, 64))
def test_rows(turns, images):
    base, same = to_rows({"base": turns, "same": turns}, images)
    assert base.ratio_to_baseline == same.ratio_to_baseline == 1
    assert base.ms_min <= base.ms_median <= base.ms_max
    assert base.images_per_second * base.ms_median == pytest.approx(1000 * images)


factors = st.floats(0.1, 10)


@given(st.lists(seconds, min_size=1, max_size=7), factors, st.lists(factors, min_size=7, max_size=7))
def test_the_ratio_does_not_depend_on_the_drift_of_the_machine(turns, faster, drift):
    slow = [[second * factor] for second, factor in zip(turns, drift, strict=False)]
    fast = [[second / faster for second in turn] for turn in slow]
    assert to_rows({"slow": slow, "fast": fast}, 1)[1].ratio_to_baseline == pytest.approx(faster)


@pytest.mark.parametrize("preset, size", [("hydranet_camvid", (180, 240)), ("hydranet_nyud", (500, 500))])
def test_training_size_is_the_output_size_of_the_pipeline(preset, size):
    assert training_size(load_config(preset)) == size


def test_training_size_defaults_without_a_size_in_the_pipeline(cfg):
    cfg = cfg.copy()
    cfg.train_dataloader.dataset.pipeline = [dict(type="PackSample")]
    assert training_size(cfg) == DEFAULT_SIZE


@pytest.mark.parametrize("wrong", [dict(size=(0, 4)), dict(batch_size=0), dict(steps=0), dict(rounds=-1)])
def test_settings_below_one_raise(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainingSetting(**{**dict(size=(4, 4), batch_size=1), **wrong})


def test_samples_have_a_label_for_each_head(training, samples):
    assert len(samples) == SETTING.batch_size
    for sample in samples:
        assert sample["inputs"].shape == (3, 64, 64) and sample["inputs"].dtype == torch.uint8
        gt = sample["data_samples"].gt
        assert {task: tuple(gt.get(task).shape) for task in gt.keys()} == {
            "semseg": (1, 64, 64),
            "depth": (1, 64, 64),
            "normals": (3, 64, 64),
        }
        assert gt.semseg.dtype == torch.uint8 and (gt.depth > 0).any()
        torch.testing.assert_close(gt.normals.norm(dim=0), torch.ones(64, 64))
    assert training[0].training


def test_heads_that_distinguish_datasets_are_measured():
    cfg = without_validation(load_config("hydranet_nyud_kitti"))
    model, optim_wrapper = build_training(cfg)
    mixed = synthetic_samples(model, SETTING)
    assert [sample["data_samples"].dataset for sample in mixed] == ["nyud", "kitti"]
    assert compare_runner(cfg, model, optim_wrapper, mixed, SETTING).rows[-1].images_per_second > 0


def flat(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_the_plain_step_gives_the_same_weights(cfg, training, samples):
    """In float32, both steps give the same weights."""
    cfg = copy.deepcopy(cfg)
    cfg.optim_wrapper.pop("paramwise_cfg", None)  # the plain step has one learning rate for all parameters
    # not Adam: its first step only depends on the gradient's sign, which is noise for tiny gradients
    cfg.optim_wrapper.optimizer = dict(type="SGD", lr=1.0)
    ours, plain = copy.deepcopy(training[0]), copy.deepcopy(training[0])
    wrapper = build_optim_wrapper(ours, copy.deepcopy(cfg.optim_wrapper))
    step = plain_step(cfg, plain, samples)
    log = ours.train_step(pseudo_collate(samples), wrapper)
    torch.testing.assert_close(step(), log["loss"].detach(), rtol=1e-4, atol=1e-5)
    for parameter in plain.parameters():
        assert parameter.is_contiguous() and parameter.dtype == torch.float32
    mine, theirs, before = (flat(model) for model in (ours, plain, training[0]))
    assert (mine - theirs).norm() < 1e-2 * (mine - before).norm()
    assert (mine - before).norm() > 0.1  # clipped to 1
    assert not all(parameter.is_contiguous() for parameter in ours.parameters())  # channels-last


def test_the_shares_of_a_step_sum_to_one(training, samples):
    model, wrapper = copy.deepcopy(training)
    shares = step_shares(model, wrapper, pseudo_collate(samples), steps=1)
    assert set(shares) == {"preprocess", "forward", "backward", "optimiser", "rest"}
    assert sum(shares.values()) == pytest.approx(1) and min(shares.values()) >= 0
    assert "train_step" not in vars(model) and "_run_forward" not in vars(model)  # the stopwatch is removed


def test_the_runner_has_the_hooks_of_the_config_and_leaves_no_files(
    cfg, training, samples, tmp_path, monkeypatch, capsys
):
    class SleepingHook(Hook):
        def after_train_iter(self, *args, **kwargs):
            time.sleep(0.05)

    monkeypatch.setitem(HOOKS.module_dict, "SleepingHook", SleepingHook)
    monkeypatch.chdir(tmp_path)
    cfg = without_validation(cfg)
    cfg.custom_hooks = [*cfg.custom_hooks, dict(type="SleepingHook")]
    section = compare_runner(cfg, *copy.deepcopy(training), samples, TrainingSetting((64, 64), 2, steps=2, rounds=1))
    assert [row.name for row in section.rows] == ["runner: bare loop", "runner: Runner"]
    timed = {name.split(".")[1] for name in section.figures if name.startswith("hook_ms.")}
    assert {"NonFiniteLossHook", "SeedIterationHook", "LoggerHook", "RuntimeInfoHook"} <= timed
    assert "AtomicCheckpointHook" not in timed
    assert section.figures["hooks_ms"] > section.figures["hook_ms.SleepingHook"] >= 50
    assert "most: SleepingHook " in section.notes[1]
    assert not list(tmp_path.iterdir()) and capsys.readouterr().out == ""


def test_missing_data_is_reported_in_a_note(tmp_path):
    cfg = load_config("hydranet_camvid", dict(data_root=str(tmp_path / "nowhere")))
    section = measure_data(cfg, SETTING, training_speed=1.0)
    assert not section.rows
    assert "nowhere" in section.notes[0] and "--cfg-options data_root=DIR" in section.notes[0]


@pytest.mark.parametrize("workers, speed, feeds", [(2, 1e-3, True), (2, 1e9, False), (0, 1e-3, False)])
def test_notes_say_whether_workers_feed_the_training(cfg, tmp_path, monkeypatch, workers, speed, feeds):
    monkeypatch.setattr(data_benchmark, "read_seconds", lambda *args: [0.1])
    monkeypatch.setattr(data_benchmark, "_RENDERED_IMAGES", 1)
    cfg = load_config(cfg, {"train_dataloader.num_workers": workers})
    cfg.train_dataloader.dataset.data_root = str(tmp_path / "nowhere")  # so a data set is rendered
    section = measure_data(cfg, SETTING, training_speed=speed)
    assert section.figures["feeds"] is feeds
    assert section.notes[1].startswith("feeds: yes" if feeds else "feeds: no")


def test_table_columns_are_aligned():
    rows = to_rows({"short": [[0.5]], "a longer name": [[0.25]]}, images=8)
    lines = format_section(Section("Title", rows, notes=("a note",))).splitlines()
    assert lines[0] == "Title" and lines[-1] == "  a note"
    assert len({len(line) for line in lines[1:4]}) == 1
    assert lines[3].split()[-1] == "2.00" and "32.00" in lines[3]


def test_command(tmp_path, monkeypatch, capsys):
    """The complete command on one tiny batch of rendered rooms."""
    monkeypatch.setattr(data_benchmark, "_RENDERED_IMAGES", 1)
    out, root = tmp_path / "out" / "speed.json", tmp_path / "nowhere"
    arguments = "benchmark.py hydranet_synthrooms --what training --size 32 64 --batch-size 2 --steps 1 --rounds 1"
    monkeypatch.setattr(sys, "argv", [*arguments.split(), "--json", str(out), "--cfg-options", f"data_root={root}"])
    runpy.run_path(str(ROOT / "tools" / "benchmark.py"), run_name="__main__")
    printed = capsys.readouterr().out
    written = json.loads(out.read_text())
    names = ["train: plain", "train: ours", "runner: bare loop", "runner: Runner", "data: one worker"]
    names += ["read: PIL + numpy", "read: ours", "read: ours, cached"]
    assert [row["name"] for row in written["training"]] == names and written["rows"] == []
    for row in written["training"]:
        assert set(row) == {"name", "images_per_second", "ms_median", "ms_min", "ms_max", "ratio_to_baseline"}
        assert row["images_per_second"] > 0
    assert all(name in printed for name in names) and "INFO" not in printed
    assert "rendered for this" in printed and "feeds: " in printed
