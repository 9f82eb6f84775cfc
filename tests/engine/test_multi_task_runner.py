"""A short console log; the rest is in the log file."""

import io
import logging
from pathlib import Path

import pytest
import torch

from mtl_plugins.apis import build_runner, load_config
from mtl_plugins.engine import HeartbeatHook, PreemptionHook, is_for_console, keep_freed_memory, quiet_console
from mtl_plugins.registry import MODELS

from .toy_run import build_runner as build_toy_runner


@pytest.fixture
def trained(root, nyud_folder, make_light, tmp_path, capsys):
    def train(**options):
        work_dir = tmp_path / f"run_{len(list(tmp_path.iterdir()))}"  # a second run needs a folder of its own
        cfg = make_light(load_config(root / "configs" / "hydranet_nyud_three.py"), nyud_folder, work_dir)
        cfg.log_level = "INFO"
        cfg.model.backbone.model_name, cfg.model.neck.channels = "test_efficientnet", 16
        cfg.update(options)
        runner = build_runner(cfg)
        runner.train()
        return runner, capsys.readouterr().out

    return train


def test_the_console_is_short_and_the_log_file_complete(trained):
    runner, console = trained()
    file = (Path(runner.log_dir) / f"{runner.timestamp}.log").read_text()
    for text in ("paramwise_options", "Config:", "System environment", "Hooks will be executed"):
        assert text in file and text not in console
    assert (
        "Epoch(train)" in console and "Validation after epoch 1" in console and "The config, the environment" in console
    )
    head = console.split("Epoch(train)")[0]
    assert len(head.splitlines()) < 20, head


def test_errors_are_always_shown_on_the_console():
    record = logging.LogRecord("mmengine", logging.ERROR, "", 0, "Config:\nbroken", (), None)
    assert is_for_console(record)


@pytest.mark.parametrize(
    "message",
    [
        "paramwise_options -- backbone.conv.weight:lr=0.01",
        "\nheads.depth.out.weight - torch.Size([1, 8, 3, 3]): \nThe value is the same before and after",
        "Rollback to RangeEstimatorParametersSet.MINMAX for the target point: 'x' as HistogramAggregator",
    ],
)
def test_verbose_messages_go_to_the_log_file_only(message, tmp_path):
    logger = logging.Logger("verbose")
    console, file = logging.StreamHandler(io.StringIO()), logging.FileHandler(tmp_path / "log.txt")
    for handler in (console, file):
        logger.addHandler(handler)
    quiet_console(logger)
    quiet_console(logger)
    logger.warning(message)
    logger.warning("unrelated")
    file.close()
    assert console.stream.getvalue() == "unrelated\n" and len(console.filters) == 1
    assert message in (tmp_path / "log.txt").read_text()


def test_a_compiled_run_ends_with_the_weights_of_an_eager_run(trained):
    from torch._dynamo.utils import counters

    eager, _ = trained()
    counters.clear()
    runner, _ = trained(compile=dict(backend="eager"))
    assert counters["stats"]["unique_graphs"] >= 1
    for key, value in eager.model.state_dict().items():
        torch.testing.assert_close(runner.model.state_dict()[key], value)


def test_freed_memory_is_kept_with_glibc():
    assert keep_freed_memory() in (True, False)
    blocks = [torch.ones(2**22) for _ in range(3)]  # 16 MB each: glibc's default maps and unmaps them
    del blocks
    assert torch.ones(2**22).sum() == 2**22


@pytest.mark.parametrize("kind", ["HeartbeatHook", "mtl_plugins.HeartbeatHook", HeartbeatHook])
def test_own_hooks_can_be_removed_and_replaced(kind, tmp_path):
    runner = build_toy_runner(tmp_path)
    own = (PreemptionHook, HeartbeatHook)
    assert {type(hook) for hook in runner.hooks if isinstance(hook, own)} == set(own)
    runner._hooks = []
    runner.register_hooks(dict(preemption=None, heartbeat=dict(timeout=7.0)), [])
    assert [hook.timeout for hook in runner.hooks if isinstance(hook, own)] == [7.0]
    runner._hooks = []
    runner.register_hooks(dict(preemption=None), [dict(type=kind, timeout=5.0)])
    assert [hook.timeout for hook in runner.hooks if isinstance(hook, own)] == [5.0]


@pytest.mark.parametrize(
    "optimizer, decay",
    [(dict(type="Adam"), 0.0), (dict(type="AdamW"), 0.01), (dict(type="SGD", weight_decay=0.1), 0.1)],
)
def test_learned_weights_of_a_balancer_have_no_weight_decay(optimizer, decay, tmp_path):
    runner = build_toy_runner(tmp_path)
    runner.model.balancer = MODELS.build(dict(type="UW", tasks=["depth"]))
    wrapper = runner.build_optim_wrapper(dict(optimizer=dict(lr=0.1, **optimizer)))
    decays = {id(p): group["weight_decay"] for group in wrapper.optimizer.param_groups for p in group["params"]}
    assert all(decays[id(p)] == 0 for p in runner.model.balancer.parameters())
    assert {decays[id(p)] for p in runner.model.heads.parameters()} == {decay}
