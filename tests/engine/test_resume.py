"""Nothing in a checkpoint is executed, and each value that resuming uses is checked."""

import copy
import re

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OptimWrapper
from toy_run import build_runner

from mtl_plugins.engine import read_checkpoint
from mtl_plugins.engine.checkpoint import WrongValueError, check_optimizer


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    build_runner(folder, epochs=1, hooks=[dict(type="EMAHook")]).train()
    return read_checkpoint(folder / "epoch_1.pth")


def resume(checkpoint, folder, **kwargs):
    torch.save(checkpoint, folder / "changed.pth")
    kwargs.setdefault("hooks", [dict(type="EMAHook")])
    runner = build_runner(folder / "run", load_from=str(folder / "changed.pth"), resume=True, **kwargs)
    runner.train_loop  # noqa: B018  # builds it
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
    runner.call_hook("before_run")
    runner.load_or_resume()
    return runner


@pytest.mark.parametrize("key", ["config", "cfg"])
def test_the_config_in_a_checkpoint_is_not_executed(key, saved, tmp_path):
    checkpoint = copy.deepcopy(saved)
    checkpoint["meta"][key] = f"a = open({str(tmp_path / 'was_here')!r}, 'w')\ngpu_ids = range(7)\n"
    checkpoint["message_hub"]["runtime_info"][key] = checkpoint["meta"][key]
    runner = resume(checkpoint, tmp_path)
    assert runner.iter == saved["meta"]["iter"] and not (tmp_path / "was_here").exists()


def wrong(*keys, value):
    def change(checkpoint):
        holder = checkpoint
        for key in keys[:-1]:
            holder = holder[key]
        holder[keys[-1]] = value

    return change


def without(*keys):
    def change(checkpoint):
        holder = checkpoint
        for key in keys[:-1]:
            holder = holder[key]
        del holder[keys[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (wrong("meta", "epoch", value=-1), r"meta\['epoch'\] is the int -1, expected an integer from 0"),
        (wrong("meta", "iter", value=2**52), r"meta\['iter'\] is the int"),
        (wrong("meta", "iter", value="7"), r"meta\['iter'\] is the str '7', expected an integer"),
        (wrong("meta", "epoch", value=None), r"meta\['epoch'\] is missing.*load_from instead of resume"),
        (without("meta"), r"meta is missing.*load_from instead of resume"),
        (wrong("meta", value=[1]), r"meta is a list of 1 items, expected a dict"),
        (without("message_hub"), r"message_hub is missing"),
        (wrong("meta", "seed", value=-3), r"meta\['seed'\]"),
        (wrong("meta", "position", "epoch", value=1.5), r"meta\['position'\]\['epoch'\] is the float 1.5"),
        (wrong("message_hub", "runtime_info", "keep_ckpt_ids", value=["../x"]), r"keep_ckpt_ids'\]\[0\]"),
        (wrong("message_hub", "runtime_info", "best_score", value="high"), "best_score"),
        (wrong("message_hub", "log_scalars", "train/loss", value={}), "expected a HistoryBuffer"),
        (wrong("optimizer", "param_groups", value=[]), "a list of 1 groups, as in the config"),
        (wrong("optimizer", "param_groups", 0, "lr", value="fast"), r"\['lr'\] is the str 'fast'"),
        (wrong("optimizer", "param_groups", 0, "lr", value=float("nan")), r"\['lr'\] is the float nan"),
        (wrong("optimizer", "param_groups", 0, "step", value=print.__name__), "expected only the keys"),
        (wrong("optimizer", "param_groups", 0, "lr", value=None), r"\['lr'\] is None, expected a number"),
        (wrong("optimizer", "param_groups", 0, "lr", value=torch.tensor(-5.0)), "-5.0, expected a value in its usual"),
        (wrong("optimizer", "param_groups", 0, "amsgrad", value=True), r"\['amsgrad'\] is True, expected False, as in"),
        (wrong("optimizer", "param_groups", 0, "maximize", value=True), "expected False, as in the config"),
        (wrong("optimizer", "param_groups", 0, "differentiable", value=True), "expected False, as in the config"),
        (wrong("optimizer", "state", 0, "exp_avg", value=torch.zeros(1)), r"expected a tensor of shape \(4, 3\)"),
        (wrong("optimizer", "state", 0, "exp_avg", value=torch.full((4, 3), torch.nan)), "12 of 12 values are NaN"),
        (wrong("optimizer", "state", 99, value={}), "is the int 99, expected the number of one of"),
        (wrong("param_schedulers", 0, "optimizer", value=3), "expected only the keys"),
        (wrong("param_schedulers", 0, "step", value=3), "expected only the keys"),
        (wrong("param_schedulers", 0, "param_name", value="params"), "expected 'lr', as in the config"),
        (wrong("param_schedulers", 0, "end", value=0), r"\['end'\] is the int 0"),
        (wrong("param_schedulers", 0, "power", value=None), None),
        (wrong("param_schedulers", value=[]), "expected 2 schedulers, as in the config"),
        (without("ema_state_dict", "steps"), None),
        (wrong("ema_state_dict", "module.none", value=torch.zeros(2)), r"ema_state_dict\['module.none'\]"),
        (wrong(5, value=1), "a key of the file is the int 5"),
        (wrong("extra", value={"a": {"b": [torch.zeros(2, dtype=torch.complex64)]}}), "it is complex"),
    ],
)
def test_a_wrong_value_is_named(change, message, saved, tmp_path):
    checkpoint = copy.deepcopy(saved)
    change(checkpoint)
    if message is None:
        resume(checkpoint, tmp_path)
        return
    with pytest.raises(ValueError, match=message) as caught:
        resume(checkpoint, tmp_path)
    assert "changed.pth" in str(caught.value) and "\n" not in str(caught.value)


def test_the_defaults_of_several_groups_are_checked():
    layer = torch.nn.Linear(2, 1)
    groups = [dict(params=[layer.weight]), dict(params=[layer.bias], lr=0.2)]
    own = OptimWrapper(torch.optim.SGD(groups, lr=0.1)).state_dict()
    shapes = [layer.weight.shape, layer.bias.shape]
    assert check_optimizer(own, own, shapes) == own
    for settings, message in (
        (dict(params="x"), "['lr'] is missing"),
        (own["base_param_settings"] | dict(lr="1"), "['lr'] is the str '1'"),
    ):
        with pytest.raises(WrongValueError, match=re.escape(f"optimizer['base_param_settings']{message}")):
            check_optimizer(own | dict(base_param_settings=settings), own, shapes)


def test_a_checkpoint_cannot_replace_the_statistics_of_all_histories(tmp_path):
    buffer = HistoryBuffer([1.0, 3.0], [1, 1])
    try:
        HistoryBuffer._statistics_methods["mean"] = HistoryBuffer.max
        torch.save(dict(state_dict={}, history=buffer), tmp_path / "a.pth")
    finally:
        HistoryBuffer._statistics_methods["mean"] = HistoryBuffer.mean
    history = read_checkpoint(tmp_path / "a.pth")["history"]
    assert type(history) is HistoryBuffer and history.statistics("mean") == 2


def test_a_one_cycle_schedule_can_be_resumed(tmp_path):
    schedule = [dict(type="OneCycleLR", eta_max=0.1, total_steps=20, by_epoch=False)]

    def runner(**kwargs):
        runner = build_runner(tmp_path, iters=3, **kwargs)
        runner.param_schedulers = schedule
        return runner

    build = runner()
    build.train()
    again = runner(load_from=str(tmp_path / "iter_3.pth"), resume=True)
    again.train()
    assert again.param_schedulers[0].last_step == build.param_schedulers[0].last_step


def test_an_inconsistent_position_is_reported(saved, tmp_path):
    loop, meta = resume(saved, tmp_path).train_loop, saved["meta"]
    assert loop.restore(1, 2, meta["position"], 3) == []
    for wrong in (dict(epoch=1, samples=2**50), dict(epoch=1, samples=4)):
        (sentence,) = loop.restore(1, 2, meta["position"] | wrong, 3)
        assert sentence.startswith("The checkpoint is inconsistent: 2 steps, but 1 epochs and")


def test_empty_arrays_are_data(saved, tmp_path):
    torch.save(dict(copy.deepcopy(saved), empty=np.zeros(0)), tmp_path / "empty.pth")
    assert read_checkpoint(tmp_path / "empty.pth")["empty"].shape == (0,)
