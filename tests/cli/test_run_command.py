"""Errors caused by users print one message; the traceback is in a file."""

import errno
import multiprocessing
import os
import re
from pathlib import Path

import pytest
import torch
from mmengine.logging import MMLogger, print_log
from mmengine.optim import build_optim_wrapper
from torch.utils.data import DataLoader, Dataset

from mtl_plugins.cli.run_command import message_of, run_command
from mtl_plugins.datasets import DataError
from mtl_plugins.registry import MODELS


class Failing(Dataset):
    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise self.error


@pytest.mark.parametrize(
    "error", [DataError("label a.png is broken.\nReplace it."), ValueError("x: y"), FileNotFoundError("no file b.png")]
)
def test_the_message_of_an_error_in_a_worker_has_no_traceback(error):
    with pytest.raises(type(error)) as raised:
        next(iter(DataLoader(Failing(error), num_workers=1)))
    assert "Traceback" in str(raised.value)
    assert message_of(raised.value) == str(error)


def test_a_key_error_of_a_worker_is_readable():
    with pytest.raises(KeyError) as raised:
        next(iter(DataLoader(Failing(KeyError("unknown reader 'x':\nfix it")), num_workers=1)))
    assert message_of(raised.value) == "unknown reader 'x':\nfix it"


def test_the_registrys_errors_are_readable():
    with pytest.raises(KeyError) as raised:
        MODELS.build(dict(type="DepthHed"))
    assert message_of(raised.value).startswith("unknown model 'DepthHed': did you mean 'DepthHead'")


@pytest.mark.parametrize(
    "error, message",
    [
        (ValueError("plain"), "plain"),
        (KeyError("key 'a'\nmore"), "key 'a'\nmore"),
        (ValueError(), "ValueError"),
        (KeyError(), "KeyError"),
        (OSError(errno.EACCES, "could not write a: denied"), "could not write a: denied"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.json"), "No such file or directory: a.json"),
        (ValueError("class `DepthHead` in mtl_plugins/models/heads/depth_head.py: wrong"), "wrong"),
    ],
)
def test_messages_of_other_errors(error, message):
    assert message_of(error) == message


def test_the_message_of_a_full_disk_has_advice():
    message = message_of(OSError(errno.ENOSPC, "No space left on device", "/runs/epoch_1.pth"))
    assert "disk is full" in message and "/runs/epoch_1.pth" in message and "--resume" in message


@pytest.fixture
def exit_code(monkeypatch):
    """The exit codes with which the process would have ended."""
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(multiprocessing, "active_children", list)  # this process continues with its workers
    monkeypatch.delenv("MTL_TRACEBACK", raising=False)
    return codes


def failing(error):
    def main():
        print("so far")
        raise error

    return main


def test_a_failing_command_prints_one_message_and_saves_the_traceback(exit_code, capsys):
    run_command(failing(ValueError("size=0 is not allowed")))
    out, err = capsys.readouterr()
    assert exit_code == [1] and out == "so far\n"
    assert "error: size=0 is not allowed" in err and "Traceback" not in err
    kept = Path(re.search(r"traceback: (.+)\)", err)[1])
    assert "Traceback" in kept.read_text() and "size=0" in kept.read_text()
    kept.unlink()


def test_the_traceback_is_shown_on_request(exit_code, monkeypatch):
    monkeypatch.setenv("MTL_TRACEBACK", "1")
    with pytest.raises(ValueError, match="x"):
        run_command(failing(ValueError("x")))
    assert exit_code == []


def test_a_bug_shows_its_traceback(exit_code):
    with pytest.raises(AssertionError):
        run_command(failing(AssertionError("never")))
    assert exit_code == []


def test_an_interrupt_exits_with_a_message(exit_code, capfd):
    run_command(failing(KeyboardInterrupt()))
    assert exit_code == [130] and "interrupted" in capfd.readouterr().err


def test_a_successful_command_prints_nothing(exit_code, capsys):
    called = []
    run_command(lambda: called.append(1))
    assert called == [1] and exit_code == []
    assert capsys.readouterr() == ("", "")


def test_a_misspelt_option_suggests_the_nearest():
    config = dict(type="SegmentationHead", in_channels=(8,), in_strides=(4,), num_classes=3, los=[])
    with pytest.raises(TypeError) as caught:
        MODELS.build(config)
    message = message_of(caught.value)
    assert "SegmentationHead has no option 'los': did you mean 'loss'" in message
    assert "num_classes" in message and "in_strides" in message and "self" not in message


def test_other_type_errors_keep_their_message():
    assert message_of(TypeError("unsupported operand")) == "unsupported operand"


def test_messages_about_single_parameters_are_not_printed(capsys, monkeypatch):
    """The benchmark builds an optimizer without a Runner, whose logger would filter them."""
    monkeypatch.setattr(MMLogger, "_instance_dict", MMLogger._instance_dict.copy())
    MMLogger._instance_dict.clear()
    weights = torch.nn.Linear(2, 2)
    optimizer = dict(type="SGD", lr=0.1)
    wrapper = dict(optimizer=optimizer, paramwise_cfg=dict(custom_keys=dict(weight=dict(lr_mult=0.5))))

    def main():
        build_optim_wrapper(weights, wrapper)
        print_log("visible", logger="current")

    run_command(main)
    text = "".join(capsys.readouterr())
    assert "visible" in text and "paramwise_options" not in text
