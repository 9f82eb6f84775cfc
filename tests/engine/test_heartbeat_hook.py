"""A stuck process is found, and the right one is named."""

import os
import time

import pytest
import toy_run

from mtl_plugins.engine import HeartbeatHook
from mtl_plugins.engine.heartbeat_hook import STUCK, Beat, Observer


def beat(rank, progress, count=0, stage="computing step 4", slow=False):
    return Beat(rank, "host", 100 + rank, count, progress, stage, slow)


def observe(*rounds, timeout=60, silent_only=False):
    """The last verdict after rounds of reports, ten seconds apart."""
    observer = Observer(timeout, silence=50)
    for number, beats in enumerate(rounds):
        for item in beats:
            observer.note(item, 10 * number)
    return observer.verdict(10 * (len(rounds) - 1), silent_only)


def test_the_rank_that_is_behind_is_named():
    rounds = [(beat(0, (3, 2), n), beat(1, (3, 1), n, "reading data for step 4")) for n in range(8)]
    assert observe(*rounds[:6]) is None
    assert observe(*rounds) == "rank 1 on host (process 101): reading data for step 4, no progress for 70 s"


def test_the_rank_that_no_longer_reports_is_named():
    rounds = [(beat(0, (3, 2), n), beat(1, (3, 2), 0)) for n in range(8)]
    assert observe(*rounds).startswith("rank 1 on host (process 101): computing step 4, no progress for 70 s, gives no")
    assert observe(*rounds, silent_only=True) is not None
    assert observe(*[(beat(0, (3, 2), n), beat(1, (3, 1), n)) for n in range(8)], silent_only=True) is None


def test_progress_of_one_rank_is_enough():
    assert observe(*[(beat(0, (n, 2), n), beat(1, (3, 1), n)) for n in range(20)]) is None


def test_first_steps_have_more_time():
    rounds = [(beat(0, (0, 2), n), beat(1, (0, 2), n, slow=True)) for n in range(62)]
    assert observe(*rounds[:59]) is None
    assert "no rank has made progress" in observe(*rounds)


def test_a_stopped_observer_accuses_nobody():
    observer = Observer(60, silence=50)
    observer.note(beat(0, (3, 2)), 0)
    observer.forgive(1000)
    assert observer.verdict(1000) is None


class StuckDataset(toy_run.ToyDataset):
    def __getitem__(self, index):
        if index == 6 and self.length > 8:
            time.sleep(60)
        return super().__getitem__(index)


def train_stuck(work_dir, messages):
    os.dup2(os.open(messages, os.O_WRONLY | os.O_CREAT), 2)  # the fork server has the standard error of another test
    toy_run.train(work_dir, dataset=StuckDataset(12), hooks=[dict(type="HeartbeatHook", timeout=1.0)])


def test_a_single_process_that_waits_for_data_ends(tmp_path):
    messages = tmp_path / "messages.txt"
    assert toy_run.in_process(train_stuck, tmp_path / "work", messages) == STUCK
    assert "reading data for step 2, no progress for" in messages.read_text()


def test_a_wrong_timeout_is_refused():
    with pytest.raises(ValueError, match="HeartbeatHook.timeout=-1"):
        HeartbeatHook(-1)
