"""Commands that are started as processes: logs, errors, memory, and interruptions."""

import os
import signal
import sys
import threading
import time

import pytest

from mtl_plugins.cli.training_jobs import JobError, evaluate, last_error, run_logged, run_process

WAIT = """
import signal, sys, time
def stop(number, frame):
    print("saved", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("started", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    "text, code, expected",
    [
        ("step 1\n\nerror: the loss is not finite\n(traceback: /tmp/x)\n", 1, "the loss is not finite"),
        ("\nerror: old\n(traceback: a)\nstep\n\nerror: new:\n- one\n- two\n(traceback: b)", 1, "new:\n- one\n- two"),
        ("Traceback (most recent call last):\n  File x\nRuntimeError: a bug\n\n", 1, "RuntimeError: a bug"),
        ("", 1, "no output"),
        ("step 1\n", -9, "ended by SIGKILL, often because the memory was exhausted"),
        ("step 1\n", 143, "ended by SIGTERM"),
    ],
)
def test_the_last_error_of_a_log(text, code, expected, tmp_path):
    log = tmp_path / "console.log"
    log.write_text(text)
    assert last_error(log, 0, code) == expected


def test_errors_of_earlier_commands_are_ignored(tmp_path):
    log = tmp_path / "console.log"
    log.write_text("\nerror: old\n(traceback: a)\n")
    start = log.stat().st_size
    with open(log, "a") as file:
        file.write("x" * 100_000 + "\nthe end")
    assert last_error(log, start) == "the end"


def test_a_failing_command_raises_with_its_error(tmp_path):
    with pytest.raises(JobError, match=r"mtl presets failed: see .*console.log. .* unrecognized arguments: --nothing"):
        run_logged(tmp_path / "new", "presets", "--nothing")


def test_a_training_without_checkpoint_raises(tmp_path):
    with pytest.raises(JobError, match="has no checkpoint: the config needs default_hooks.checkpoint"):
        evaluate("config.py", tmp_path, [])


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system does not report the memory of a process")
def test_the_peak_memory_of_a_process(tmp_path):
    with open(tmp_path / "log", "wb") as log:
        code, peak = run_process([sys.executable, "-c", "x = bytearray(b'1') * (700 * 2**20)"], log)
    assert code == 0 and 700 < peak < 100_000


def test_an_interrupted_command_can_save_its_state(tmp_path):
    def interrupt():
        while not (tmp_path / "log").exists() or b"started" not in (tmp_path / "log").read_bytes():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with open(tmp_path / "log", "ab") as log, pytest.raises(KeyboardInterrupt):
        run_process([sys.executable, "-c", WAIT], log)
    assert (tmp_path / "log").read_text().split() == ["started", "saved"]
