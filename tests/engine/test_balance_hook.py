"""What a balancer does is logged, drawn and reported, in real trainings by epoch and by iteration."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mtl_plugins.apis import build_runner
from mtl_plugins.engine.balance_hook import BalanceHook, report_values, warnings_of
from mtl_plugins.engine.multi_task_runner import _without_decay
from mtl_plugins.visualization.balance_panels import balanced_tasks, mean_cosines
from mtl_plugins.visualization.scalars import read_scalars
from tests.models.balancers.linear_model import InverseNorm, batch, build

TASKS = ("semseg", "depth", "normals")


def test_values_of_a_step():
    gramian = torch.tensor([[4.0, -2.0, 0.0], [-2.0, 4.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    values = report_values(TASKS, torch.tensor([1.0, 2.0, 3.0]), gramian)
    assert values == {
        "weight/semseg": 1.0,
        "weight/depth": 2.0,
        "weight/normals": 3.0,
        "grad_norm/semseg": 2.0,
        "grad_norm/depth": 2.0,
        "grad_norm/normals": 0.0,
        "cosine/semseg-depth": -0.5,
        "cosine/semseg-normals": 0.0,
        "cosine/depth-normals": 0.0,
    }
    assert list(report_values(TASKS[:1], torch.ones(1), None)) == ["weight/semseg"]
    assert list(report_values(TASKS[:1], torch.ones(1), torch.full((1, 1), float("nan")))) == ["weight/semseg"]


def test_opposed_tasks_and_uneven_gradients_are_reported():
    quiet = {"cosine/a-b": 0.2, "weighted_norm/a": 1.0, "weighted_norm/b": 90.0, "weight/a": 1.0}
    assert warnings_of(quiet) == {}
    (message,) = warnings_of(quiet | {"cosine/a-b": -0.3}).values()
    assert "a and b" in message and "-0.30" in message and "UPGrad" in message
    (message,) = warnings_of(quiet | {"weighted_norm/b": 300.0}).values()
    assert "b was 300 times as large as that of a" in message and "IMTLG" in message
    assert "infinitely" in warnings_of(quiet | {"weighted_norm/a": 0.0})["weighted_norm"]


def test_the_balancer_in_use_is_not_proposed():
    assert not warnings_of({"cosine/a-b": -0.3}, "UPGrad")
    (message,) = warnings_of({"weighted_norm/a": 1.0, "weighted_norm/b": 300.0}, "IMTLG").values()
    assert "loss_weight" in message and "IMTLG" not in message


@pytest.mark.parametrize(("balancer", "reported"), [("Equal", True), ("IMTLG", False)])
def test_gradients_that_weights_make_equal_are_not_reported(balancer, reported):
    model, hook, found = build(dict(type=balancer)), BalanceHook(), []
    torch.nn.init.constant_(model.heads["first"].layer.weight, 1e4)
    total, _ = model.parse_losses(model.loss(*batch()[:2]))
    total.backward()
    runner = SimpleNamespace(
        model=model,
        logger=SimpleNamespace(warning=found.append),
        message_hub=SimpleNamespace(update_scalar=lambda name, value: None),
        train_loop=None,
    )
    hook.after_train_iter(runner, 0)
    hook.after_train_epoch(runner)
    assert any("weighted gradient of first" in message for message in found) == reported


@pytest.fixture(params=["epochs", "iterations"])
def trained(request, root, synthrooms_folder, tmp_path, make_light):
    cfg = make_light(Config.fromfile(root / "configs/hydranet_synthrooms.py"), synthrooms_folder, tmp_path)
    cfg.model.backbone.model_name = "test_efficientnet"
    cfg.model.neck.channels = 16
    cfg.model.balancer = dict(type="InverseNorm")
    cfg.default_hooks.balance = dict(type="BalanceHook", period=2)
    by_epoch = request.param == "epochs"
    cfg.train_cfg = dict(by_epoch=by_epoch, val_interval=2, **{"max_epochs" if by_epoch else "max_iters": 2})
    cfg.log_processor.by_epoch = by_epoch
    cfg.default_hooks.checkpoint.by_epoch = by_epoch
    ended = []
    runner = build_runner(cfg)
    runner.model.balancer.end_epoch = lambda: ended.append(runner.iter)
    runner.train()
    return runner, tmp_path, ended, by_epoch


def test_a_training_logs_and_draws_the_balance(trained):
    runner, work_dir, ended, by_epoch = trained
    assert isinstance(runner.model.balancer, InverseNorm)
    lines = read_scalars(work_dir)["train"]
    assert balanced_tasks(lines) == list(TASKS)
    assert {"grad_norm/depth", "cosine/semseg-depth", "weight/normals"} <= set(lines[-1])
    table = mean_cosines(lines, TASKS)
    assert np.array_equal(table, table.T, equal_nan=True) and np.nanmax(np.abs(table)) <= 1
    assert Image.open(work_dir / "curves.png").size[1] > 500  # a second row: losses, then the balance
    assert ended == ([1, 2] if by_epoch else [1])


def test_a_balancer_of_one_task_is_reported():
    found = []
    for tasks in (("first",), ("first", "second")):
        runner = SimpleNamespace(
            model=build(dict(type="InverseNorm"), tasks), logger=SimpleNamespace(warning=found.append)
        )
        BalanceHook().before_train(runner)
    assert len(found) == 1 and "InverseNorm has nothing to balance: first is the only task" in found[0]


def test_the_period_is_checked():
    with pytest.raises(ValueError, match="at least 1"):
        BalanceHook(period=0)


def test_learned_weights_keep_their_own_options_and_have_no_weight_decay():
    given = dict(optimizer=dict(type="AdamW", lr=0.1), paramwise_cfg=dict(custom_keys=dict(balancer=dict(lr_mult=9))))
    changed = _without_decay("balancer", given)
    assert changed["paramwise_cfg"]["custom_keys"] == dict(balancer=dict(decay_mult=0.0, lr_mult=9))
    assert changed["optimizer"]["weight_decay"] == 0.01 and "weight_decay" not in given["optimizer"]


def test_a_large_loss_whose_head_decides_the_clipping_is_reported():
    means = {"grad_norm/a": 0.5, "grad_norm/b": 0.02, "weighted_norm/a": 0.1, "weighted_norm/b": 0.1}
    assert warnings_of(means, "IMTLG") == {}
    (message,) = warnings_of(means, "IMTLG", clips_heads=True).values()
    assert "gradient of a " in message and "scale_heads=True" in message and "clip_grad" in message
    assert warnings_of(means | {"grad_norm/b": 0.2}, "IMTLG", clips_heads=True) == {}
