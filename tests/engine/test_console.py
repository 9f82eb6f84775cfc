import logging
import os
from pathlib import Path

import pytest

from mtl_plugins.engine.console import explain_log_errors


def logger_of(path):
    logger = logging.Logger("full_disk")
    logger.addHandler(logging.FileHandler(path))
    explain_log_errors(logger)
    return logger


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_reported_once_instead_of_a_traceback_per_message(capfd):
    logger = logger_of(os.devnull)
    logger.handlers[0].setStream(open("/dev/full", "w"))  # noqa: SIM115
    for _ in range(3):
        logger.info("a message")
    printed = capfd.readouterr().err
    assert printed == (
        f"The log file {os.devnull} is incomplete: No space left on device. The console shows all messages.\n"
    )


def test_other_errors_of_a_log_are_printed_as_before(capfd, tmp_path):
    logger_of(tmp_path / "log.txt").info("%d", "no number")
    assert "not all arguments converted" in (printed := capfd.readouterr().err) or "format" in printed
