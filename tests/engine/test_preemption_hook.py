"""A signal at any moment of a training: a checkpoint is saved, the process ends, and the resumed run loses nothing."""

import os
import signal
import stat
import time

import pytest
import toy_run
from mmengine.hooks import Hook

from mtl_plugins.engine import PreemptionHook

EMA = dict(type="EMAHook", momentum=0.1)


class SendSignal(Hook):
    """Sends a signal to this process in the `at`-th call of one of the stages."""

    priority = "HIGHEST"

    def __init__(self, stage, at, number=signal.SIGTERM):
        self.stage, self.left, self.number = stage, at, number

    def _count(self, stage):
        self.left -= stage == self.stage
        if self.left == 0 and stage == self.stage:
            os.kill(os.getpid(), self.number)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self._count("train")

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._count("val")

    def before_save_checkpoint(self, runner, checkpoint):
        self._count("save")

    def after_train_epoch(self, runner):
        self._count("epoch")


def train(work_dir, stage=None, at=1, number=signal.SIGTERM, **kwargs):
    os.dup2(os.open(f"{work_dir}.err", os.O_CREAT | os.O_WRONLY), 2)
    hooks = [EMA, SendSignal(stage, at, number)]
    toy_run.train(work_dir, hooks=[*hooks, *kwargs.pop("more", [])], **kwargs)


LENGTHS = dict(epoch=dict(epochs=3), iter=dict(iters=6))
CHECKPOINT = dict(interval=2)  # so that some validations begin without a checkpoint of their state


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The final checkpoints of uninterrupted runs."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    for loop, length in LENGTHS.items():
        assert toy_run.in_process(train, folder / loop, checkpoint=CHECKPOINT, **length) == 0
    return {loop: toy_run.last(folder / loop) for loop in LENGTHS}


@pytest.mark.parametrize("loop", LENGTHS)
@pytest.mark.parametrize("stage, at", [("train", 3), ("val", 1), ("val", 4), ("save", 2), ("epoch", 1)])
def test_a_signal_loses_nothing(stage, at, loop, uninterrupted, tmp_path):
    if (stage, loop) == ("epoch", "iter"):
        pytest.skip("an iteration-based training has one epoch")
    work, length = tmp_path / "stopped", LENGTHS[loop]
    assert toy_run.in_process(train, work, stage, at, checkpoint=CHECKPOINT, **length) == 143
    assert "SIGTERM received: the training saves a checkpoint" in (tmp_path / "stopped.err").read_text()
    assert not list(work.glob(".*"))
    assert toy_run.in_process(train, work, checkpoint=CHECKPOINT, resume=True, **length) == 0
    expected, found = uninterrupted[loop], toy_run.last(work)
    for part in ("state_dict", "ema_state_dict"):
        toy_run.assert_same(expected[part], found[part], part)
    assert expected["message_hub"]["runtime_info"]["best_score"] == found["message_hub"]["runtime_info"]["best_score"]


@pytest.mark.parametrize("name, code", [("SIGHUP", 129), ("SIGUSR1", 138), ("SIGINT", 130)])
def test_other_signals(name, code, tmp_path):
    assert toy_run.in_process(train, tmp_path / "work", "train", 2, getattr(signal, name)) == code
    assert toy_run.last(tmp_path / "work")["meta"]["iter"] == 2


class Waiting(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 2:
            time.sleep(60)


def train_stuck(work_dir):
    stuck = [Waiting(), dict(type="PreemptionHook", timeout=0.5)]
    train(work_dir, "train", 3, more=stuck)


def test_a_step_that_does_not_end_is_given_up(tmp_path):
    assert toy_run.in_process(train_stuck, tmp_path / "work") == 143
    error = (tmp_path / "work.err").read_text()
    assert "the step did not end within 0.5 s" in error and "epoch_1.pth" in error


def train_in_slurm(work_dir, bin_folder):
    os.environ["PATH"] = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    os.environ["SLURM_JOB_ID"] = "1234"
    train(work_dir, "train", 3, more=[dict(type="PreemptionHook", requeue=True)])


def test_a_slurm_job_is_requeued_after_the_checkpoint_is_saved(tmp_path):
    scontrol, out = tmp_path / "scontrol", tmp_path / "called"
    scontrol.write_text(f'#!/bin/sh\necho "$@" > {out}\nls {tmp_path}/work/*.pth >> {out}\n')
    scontrol.chmod(scontrol.stat().st_mode | stat.S_IXUSR)
    assert toy_run.in_process(train_in_slurm, tmp_path / "work", tmp_path) == 143
    assert out.read_text().startswith("requeue 1234\n") and "iter_3.pth" in out.read_text()


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(signals=["SIGKILL"]), "Choose from: SIGTERM"),
        (dict(signals="SIGTERM"), "Choose from"),
        (dict(timeout=0), "positive"),
        (dict(requeue=True), "SLURM_JOB_ID"),
    ],
)
def test_wrong_options_are_refused(options, message, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(ValueError, match=message):
        PreemptionHook(**options)
