import errno
import os
from pathlib import Path

import pytest
import torch
from toy_run import (
    STAGES,
    ToyDataset,
    ToyMetric,
    ToyModel,
    assert_same,
    atomic_write,
    build_runner,
    in_process,
    last,
    train,
)

from mtl_plugins.engine import AtomicCheckpointHook, read_checkpoint

EPOCHS = 3


def files(folder):
    return sorted(p.name for p in Path(folder).iterdir() if p.is_file() and p.suffix != ".py")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    build_runner(folder, epochs=EPOCHS).train()
    return last(folder), files(folder)


# the files that a run saves: epoch_1, best of epoch 1, epoch_1 with the best's score, epoch_2, ...
@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("stage", STAGES)
def test_a_run_killed_while_saving_resumes_to_the_same_result(stage, number, uninterrupted, tmp_path):
    if number == 2 and stage in ("before_pointer", "before_prune"):
        pytest.skip("the best checkpoint has no pointer")
    assert in_process(train, tmp_path, kill=(stage, number), epochs=EPOCHS) == 9
    if number > 1 or stage == "before_prune":
        assert "stem.0.weight" in last(tmp_path)["state_dict"]  # complete, although the run was killed
    build_runner(tmp_path, epochs=EPOCHS, resume=True).train()
    assert_same(last(tmp_path), uninterrupted[0])
    # no temporary or outdated file is left, and last_checkpoint names the remaining one
    assert files(tmp_path) == uninterrupted[1]


def test_only_the_newest_and_the_best_checkpoint_are_kept(uninterrupted):
    best = [name for name in uninterrupted[1] if name.startswith("best_")]
    assert [*best, f"epoch_{EPOCHS}.pth", "last_checkpoint"] == uninterrupted[1]
    assert len(best) == 1


def test_an_iteration_based_run_resumes_exactly(tmp_path):
    config = dict(iters=5, dataset=ToyDataset(20))  # one epoch: mmengine sleeps two seconds between epochs
    build_runner(tmp_path / "uninterrupted", **config).train()
    assert in_process(train, tmp_path / "killed", kill=("mid_write", 4), **config) == 9
    build_runner(tmp_path / "killed", **config, resume=True).train()
    assert_same(last(tmp_path / "killed"), last(tmp_path / "uninterrupted"))
    assert "iter_5.pth" in files(tmp_path / "killed") and "iter_4.pth" not in files(tmp_path / "killed")


def test_the_checkpoint_contains_no_times(tmp_path):
    build_runner(tmp_path, epochs=1).train()
    checkpoint = last(tmp_path)
    hub = checkpoint["message_hub"]
    keys = {*checkpoint["meta"], *hub["runtime_info"], *(name.split("/")[-1] for name in hub["log_scalars"])}
    assert {"loss", "seed", "iter"} <= keys
    assert not {"time", "data_time", "eta", "experiment_name"} & keys


def test_a_full_disk_leaves_the_last_checkpoint_complete(tmp_path, monkeypatch):
    build_runner(tmp_path, epochs=1).train()
    before = files(tmp_path)

    fsync = os.fsync

    def full(descriptor):
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".pth"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(atomic_write.os, "fsync", full)
    with pytest.raises(OSError, match="epoch_2.pth: the disk is full.*unchanged"):
        build_runner(tmp_path, epochs=2, resume=True).train()
    monkeypatch.undo()
    assert files(tmp_path) == before and last(tmp_path)["meta"]["epoch"] == 1


@pytest.mark.parametrize("ema", [False, True])
@pytest.mark.parametrize("use", ["resume", "load_from", "test"])
def test_a_checkpoint_of_another_model_raises(use, ema, tmp_path):
    hooks = [dict(type="EMAHook")] if ema else []
    build_runner(tmp_path, epochs=1, hooks=hooks).train()
    other = ToyModel(heads=("depth", "edges"))
    kwargs = dict(load_from=str(tmp_path / "epoch_1.pth"), resume=use == "resume", hooks=hooks)
    runner = build_runner(tmp_path, model=other, **kwargs)
    with pytest.raises(ValueError, match=r"epoch_1.pth belongs to another model[\s\S]*heads.edges.weight"):
        runner.val() if use == "test" else runner.train()


def test_without_strict_matching_weights_are_loaded(tmp_path):
    build_runner(tmp_path, epochs=1).train()
    other = ToyModel(heads=("depth", "edges"))
    runner = build_runner(
        tmp_path / "b", model=other, load_from=str(tmp_path / "epoch_1.pth"), checkpoint=dict(strict=False)
    )
    runner.load_or_resume()
    saved = read_checkpoint(tmp_path / "epoch_1.pth")["state_dict"]
    assert torch.equal(other.stem[0].weight, saved["stem.0.weight"])


@pytest.mark.parametrize(("by_epoch", "loop"), [(True, dict(iters=2)), (False, dict(epochs=1))])
def test_an_interval_that_cannot_be_resumed_exactly_raises(by_epoch, loop, tmp_path):
    with pytest.raises(ValueError, match=f"by_epoch={by_epoch} does not match"):
        build_runner(tmp_path, checkpoint=dict(by_epoch=by_epoch), **loop).train()


@pytest.mark.parametrize(
    ("metric", "rule"),
    [
        ("semseg/mIoU", "greater"),
        ("semseg/pixAcc", "greater"),
        ("depth/rmse", "less"),
        ("depth/rmse_log", "less"),
        ("depth/abs_rel", "less"),
        ("depth/sq_rel", "less"),
        ("depth/delta1", "greater"),
        ("normals/mean", "less"),
        ("normals/median", "less"),
        ("normals/11.25", "greater"),
        ("normals/30", "greater"),
    ],
)
def test_the_rule_follows_from_the_metric(metric, rule):
    assert AtomicCheckpointHook(save_best=metric).rules == [rule]


def test_an_unknown_best_metric_raises(tmp_path):
    runner = build_runner(tmp_path, epochs=1)
    hook = next(hook for hook in runner.hooks if isinstance(hook, AtomicCheckpointHook))
    hook.save_best = hook.key_indicators = ["semseg/mIoU"]
    with pytest.raises(ValueError, match="semseg/mIoU.*depth/rmse"):
        runner.train()


def test_an_option_that_mmengine_would_refuse_after_the_first_epoch_is_refused_at_once():
    with pytest.raises(TypeError, match=r"AtomicCheckpointHook.__init__\(\) got an unexpected keyword .*'intervall'"):
        AtomicCheckpointHook(intervall=2)
    AtomicCheckpointHook(interval=2, max_keep_ckpts=1, save_best="auto")


def test_a_best_score_that_is_not_a_number_stops_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(ToyMetric, "compute_metrics", lambda self, results: {"depth/rmse": float("nan")})
    message = r"save_best=\['depth/rmse'\]: depth/rmse is not a number.*warning.*The last checkpoint: .*epoch_1.pth"
    with pytest.raises(ValueError, match=message):
        build_runner(tmp_path).train()
