import os
import signal
import time

import pytest

from mtl_plugins.files import WorkerKilledError, run_in_child


def fail():
    raise KeyError("the message")


def crash():
    os.kill(os.getpid(), signal.SIGSEGV)


def test_the_result_is_returned():
    assert run_in_child(max, 1, 2) == 2
    assert run_in_child(os.getpid) != os.getpid()


def test_errors_are_raised():
    with pytest.raises(ValueError, match="the message"):
        run_in_child(fail)


def test_a_crash_does_not_end_this_process():
    with pytest.raises(WorkerKilledError, match="crashed"):
        run_in_child(crash)


def test_the_time_is_limited():
    with pytest.raises(WorkerKilledError, match="took more than 0.1 s"):
        run_in_child(time.sleep, 60, timeout=0.1)
