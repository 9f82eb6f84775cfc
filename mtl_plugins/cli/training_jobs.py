"""Trainings and evaluations that a command starts as processes: their logs, errors, peak memory, and resuming."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from mtl_plugins.engine import find_checkpoint

LOG = "console.log"
METRICS = "metrics.json"
_PATIENCE = 8.0  # seconds in which an interrupted training can save a checkpoint; `run_command` waits a bit longer
_TAIL = 65536  # bytes at the end of a log that are searched for an error
_LONGEST = 1000  # characters of an error


class JobError(ValueError):
    """A command that was started as a process failed."""


def options_as_text(options: Mapping[str, Any]) -> list[str]:
    """Settings of a config as the words of `--cfg-options`; `parse_value` reads them back.

    Examples:
        >>> options_as_text({"randomness.seed": 1, "model.balancer": {"type": "UW"}})
        ['randomness.seed=1', "model.balancer={'type': 'UW'}"]
    """
    return [f"{key}={value!r}" for key, value in options.items()]


def train(config: str, folder: Path, settings: list[str]) -> float | None:
    """Train a network, or resume its training; see `run_logged`.

    Args:
        config: Config file or name of a preset.
        folder: Work directory.
        settings: Settings of the config, as in `--cfg-options`.

    Returns:
        The peak memory of the process in MiB; None if the system does not report it.
    """
    return run_logged(folder, "train", config, "--work-dir", folder, "--resume", "--cfg-options", *settings)


def evaluate(config: str, folder: Path, settings: list[str], checkpoint: str | Path | None = None) -> None:
    """Evaluate a checkpoint of a training, by default the last one, and write `metrics.json`; see `run_logged`.

    Raises:
        JobError: The command failed, or the training has saved no checkpoint.
    """
    checkpoint = checkpoint or find_checkpoint(folder)
    if checkpoint is None:
        raise JobError(
            f"{folder} has no checkpoint: the config needs default_hooks.checkpoint, with an interval of at most the "
            "length of the training."
        )
    out = folder / METRICS
    run_logged(folder, "test", config, checkpoint, "--work-dir", folder, "--out", out, "--cfg-options", *settings)


def run_logged(folder: Path, command: str, *arguments: object) -> float | None:
    """Run a command of `mtl` as a process and append its output to `console.log` in `folder`.

    If this process is interrupted, the command is asked to end, so that a training saves a checkpoint.

    Returns:
        The peak memory of the process in MiB; None if the system does not report it.

    Raises:
        JobError: The command failed. The message has its last error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOG
    start = path.stat().st_size if path.exists() else 0
    with open(path, "ab") as log:
        code, peak = run_process([sys.executable, "-m", "mtl_plugins", command, *map(str, arguments)], log)
    if code:
        raise JobError(
            f"mtl {command} failed: see {path}. Its last error: {last_error(path, start, code)}\n"
            "Fix it and run this command again: finished runs are kept."
        )
    return peak


def run_process(words: list[str], log: BinaryIO) -> tuple[int, float | None]:
    """Run a command until it ends; returns its exit code and its peak memory in MiB."""
    process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
    try:
        if not hasattr(os, "wait4"):  # Windows
            return process.wait(), None
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    except BaseException:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
        process.kill()
        raise


def last_error(log: Path, start: int = 0, code: int = 1) -> str:
    """The last error in a log: the message that `run_command` prints, or else the last line.

    Args:
        log: The file.
        start: Position of the first byte to read; earlier ones belong to other commands.
        code: Exit code of the command, for an end by a signal.
    """
    with open(log, "rb") as file:
        file.seek(max(start, log.stat().st_size - _TAIL))
        text = file.read().decode(errors="replace").strip()
    if code < 0 or code > 128:
        number = -code if code < 0 else code - 128
        names = {item.value: item.name for item in signal.Signals}
        hint = ", often because the memory was exhausted" if number == 9 else ""
        return f"ended by {names.get(number, f'signal {number}')}{hint}"
    before, found, message = f"\n{text}".rpartition("\nerror: ")
    if found:
        return message.partition("\n(traceback: ")[0].strip()[:_LONGEST]
    return (text.splitlines() or ["no output"])[-1].strip()[:_LONGEST]
