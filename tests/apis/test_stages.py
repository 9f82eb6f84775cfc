"""Overlapped stages: order, errors, early end, bounded memory and parallel work."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from mtl_plugins.apis.stages import overlap


@pytest.fixture(autouse=True)
def _all_threads_end():
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(5)
    assert not [thread for thread in left if thread.is_alive()]


def test_results_keep_their_order():
    def uneven(n):
        time.sleep(0.002 * (n % 3))
        return n

    assert list(overlap(range(50), uneven, lambda n: -n, uneven)) == [-n for n in range(50)]


def test_without_stages_items_are_passed_through():
    assert list(overlap([1, 2])) == [1, 2]
    assert list(overlap([])) == []


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_of_a_stage_is_raised_after_the_preceding_results(failing):
    def stage(position):
        def work(n):
            if n == 5 and position == failing:
                raise OSError(f"stage {position}")
            return n

        return work

    got = []
    with pytest.raises(OSError, match=f"stage {failing}") as raised:
        for n in overlap(iter(range(10**9)), *map(stage, range(3))):
            got.append(n)
    assert got == [0, 1, 2, 3, 4]
    assert any(entry.name == "work" for entry in raised.traceback)  # the traceback shows where the error occurred


def test_an_error_of_the_source_is_raised_after_the_preceding_results():
    def source():
        yield from range(3)
        raise ValueError("cut off")

    got = []
    with pytest.raises(ValueError, match="cut off"):
        for n in overlap(source(), lambda n: n):
            got.append(n)
    assert got == [0, 1, 2]
    with pytest.raises(TypeError, match="not iterable"):
        next(overlap(7, lambda n: n))


def test_a_caller_that_stops_early_closes_the_source():
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    results = overlap(endless(), lambda n: n)
    assert next(results) == 0
    results.close()
    assert closed.wait(5)


def test_the_number_of_pending_items_is_bounded():
    made, most = [], 0

    def source():
        for number in range(100):
            made.append(number)
            yield number

    for taken, _ in enumerate(overlap(source(), lambda n: n, depth=2)):
        time.sleep(0.001)
        most = max(most, len(made) - taken)
    # two items in each of the two queues, and one each in reader, stage and caller
    assert most <= 2 * 2 + 3


def test_source_stages_and_caller_work_at_the_same_time():
    together = threading.Barrier(4)

    def meet(position, number):
        """Wait until source, stages and caller each process an item. Run in turn, they would never get past."""
        if position + number == 3:
            together.wait(timeout=30)
        return number

    read = (meet(0, number) for number in range(6))
    results = overlap(read, lambda n: meet(1, n), lambda n: meet(2, n))
    assert [meet(3, number) for number in results] == list(range(6))


def test_the_seconds_of_a_stage_exclude_waiting(monkeypatch):
    class Clock(threading.local):  # one clock per thread, which only work advances
        now = 0.0

    clock, seconds = Clock(), []

    def working(duration):
        def work(n):
            clock.now += duration
            return n

        return work

    monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
    list(overlap(map(working(1), range(7)), working(5), working(2), seconds=seconds))
    assert seconds == [7, 35, 14]


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="sends POSIX signals")
def test_ctrl_c_stops_the_stages():
    code = (
        "import itertools, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # background jobs of a shell ignore SIGINT
        "from mtl_plugins.apis.stages import overlap\n"
        "try:\n"
        "    for n in overlap(itertools.count(), lambda n: time.sleep(0.01)):\n"
        "        n or print('running', flush=True)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    assert "interrupted" in process.communicate(timeout=30)[0]
    assert process.returncode == 0
