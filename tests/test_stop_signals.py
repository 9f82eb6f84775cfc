"""The first signal is handled, a second one ends the process, and a stuck main thread does not prevent either."""

import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, sys, time
from mtl_plugins.stop_signals import Interrupted, StopSignals, end_process

def interrupt(number):
    raise Interrupted(number)

def ready():
    print("ready", flush=True)
"""


def run(code, *signals, before=None):
    """Run code after `SCRIPT`, send signals when it prints "ready", and return (exit code, stdout, stderr)."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    for number in signals:
        process.send_signal(number)
        if len(signals) > 1:
            process.stdout.readline()
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGINT"])
def test_the_first_signal_is_handled_in_the_main_thread(name):
    code = """
with StopSignals(interrupt):
    try:
        ready(); time.sleep(20)
    except Interrupted as error:
        print(error)
"""
    assert run(code, getattr(signal, name)) == (0, f"{name} received\n", "")


def test_a_second_signal_ends_the_process_at_once():
    code = """
with StopSignals(lambda number: os.write(1, b"first\\n")):
    ready()
    while True: time.sleep(0.1)
"""
    code, _, err = run(code, signal.SIGTERM, signal.SIGTERM)
    assert (code, err) == (143, "SIGTERM received again: ended at once.\n")


def test_a_main_thread_that_is_stuck_is_ended_after_the_patience():
    code = """
with StopSignals(lambda number: time.sleep(30), patience=0.3):
    ready(); time.sleep(30)
"""
    assert run(code, signal.SIGTERM)[::2] == (143, "SIGTERM received: the process did not stop; ended.\n")


def test_patience_can_be_prolonged():
    code = """
waits = [0.1, 0.1]
def expired(number):
    print("expired", flush=True)
    return waits.pop() if waits else end_process(7)
with StopSignals(lambda number: None, 0.1, expired):
    ready()
    while True: time.sleep(0.1)
"""
    assert run(code, signal.SIGTERM) == (7, "expired\n" * 3, "")


def test_an_ignored_signal_stays_ignored():
    """As SIGHUP under nohup."""
    code = """
with StopSignals(interrupt):
    ready(); time.sleep(0.5); print("alive")
"""
    before = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    assert run(code, signal.SIGHUP, before=before) == (0, "alive\n", "")


def test_forked_workers_ignore_ctrl_c_and_do_not_report_it():
    code = """
with StopSignals(lambda number: print("received", flush=True), patience=0.2):
    child = os.fork()
    if child == 0:
        time.sleep(0.8); os._exit(5)
    time.sleep(0.2)
    os.kill(child, signal.SIGINT); os.kill(child, signal.SIGUSR1)
    ready()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(code) == (0, "5\n", "")


def test_handlers_are_restored():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    from mtl_plugins.stop_signals import StopSignals

    with StopSignals(lambda number: None):
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def stop_while_starting(command, number):
    """Send a signal to a command while it imports PyTorch, and return (exit code, stderr)."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while "torch" not in open(f"/proc/{process.pid}/maps").read():
        assert process.poll() is None
    os.killpg(process.pid, number)
    err = process.communicate(timeout=60)[1]
    return process.returncode, err.strip()


@pytest.mark.parametrize("tool", ["train", "predict", "prepare_dataset"])
def test_a_command_that_is_starting_ends_with_one_line(tool, root):
    """While it imports PyTorch."""
    command = [sys.executable, str(root / "tools" / f"{tool}.py"), "--help"]
    code, err = stop_while_starting(command, signal.SIGTERM)
    assert err == "SIGTERM received: stopped"
    assert code == 143


@pytest.mark.parametrize(
    "name, line",
    [("SIGTERM", "SIGTERM received: stopped"), ("SIGINT", "interrupted"), ("SIGUSR1", "SIGUSR1 received: stopped")],
)
def test_a_launcher_that_is_starting_ends_with_one_line(name, line, root):
    """While it imports torchrun."""
    command = [sys.executable, str(root / "tools" / "launch.py"), "--help"]
    code, err = stop_while_starting(command, getattr(signal, name))
    assert err == line
    assert code == 128 + getattr(signal, name)


def test_temporary_files_are_removed_when_the_process_is_ended(tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder/inside", "kept"):
        (tmp_path / name).touch()
    code = f"""
from mtl_plugins.stop_signals import removed_at_end
with StopSignals(lambda number: os.write(1, b"first\\n")):
    with removed_at_end({str(tmp_path / "kept")!r}):
        pass
    with removed_at_end({str(tmp_path / "folder")!r}), removed_at_end({str(tmp_path / "file")!r}):
        ready()
        while True: time.sleep(0.1)
"""
    assert run(code, signal.SIGTERM, signal.SIGTERM)[0] == 143
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
