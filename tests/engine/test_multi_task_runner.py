"""A console for people; the rest is in the log file."""

import logging
from pathlib import Path

import pytest
import torch

from mtl_plugins.apis import build_runner, load_config
from mtl_plugins.engine import keep_freed_memory


@pytest.fixture
def trained(root, nyud_folder, make_light, tmp_path, capsys):
    def train(**options):
        cfg = make_light(load_config(root / "configs" / "hydranet_nyud_three.py"), nyud_folder, tmp_path)
        cfg.log_level = "INFO"
        cfg.model.backbone.model_name, cfg.model.neck.channels = "test_efficientnet", 16
        cfg.update(options)
        runner = build_runner(cfg)
        runner.train()
        return runner, capsys.readouterr().out

    return train


def test_the_console_is_short_and_the_file_has_all(trained):
    runner, console = trained()
    file = (Path(runner.log_dir) / f"{runner.timestamp}.log").read_text()
    for text in ("paramwise_options", "Config:", "System environment", "Hooks will be executed"):
        assert text in file and text not in console
    assert "Epoch(train)" in console and "Validation after epoch 1" in console and "Config, environment" in console
    head = console.split("Epoch(train)")[0]
    assert len(head.splitlines()) < 20, head


def test_errors_are_never_kept_from_the_console():
    from mtl_plugins.engine.multi_task_runner import is_for_people

    record = logging.LogRecord("mmengine", logging.ERROR, "", 0, "Config:\nbroken", (), None)
    assert is_for_people(record)


def test_a_compiled_run_ends_with_the_weights_of_an_eager_one(trained):
    from torch._dynamo.utils import counters

    eager, _ = trained()
    counters.clear()
    runner, _ = trained(compile=dict(backend="eager"))
    assert counters["stats"]["unique_graphs"] >= 1
    for key, value in eager.model.state_dict().items():
        torch.testing.assert_close(runner.model.state_dict()[key], value)


def test_freed_memory_is_kept_where_there_is_glibc():
    assert keep_freed_memory() in (True, False)
    blocks = [torch.ones(2**22) for _ in range(3)]  # 16 MB each: glibc's own rule would map and unmap them
    del blocks
    assert torch.ones(2**22).sum() == 2**22
