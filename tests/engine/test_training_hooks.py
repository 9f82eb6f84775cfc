import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_run import ToyDataset, ToyModel, build_runner

from mtl_plugins.engine import (
    DistillationHook,
    NonFiniteLossError,
    NonFiniteLossHook,
    SeedIterationHook,
    mix_seed,
    read_checkpoint,
)
from mtl_plugins.registry import HOOKS


def draws(runner, hook="before_train_iter", seed=1, rank=0, iter=0):
    """Random numbers after `hook` of a real runner, with its seed, rank and iteration set."""
    runner._seed, runner._rank, runner.train_loop._iter = seed, rank, iter
    arguments = (0,) if hook == "before_train_iter" else ()
    getattr(SeedIterationHook(), hook)(runner, *arguments)
    return torch.rand(2).tolist() + np.random.rand(2).tolist() + [random.random()]


def test_random_numbers_depend_only_on_seed_rank_and_iteration(tmp_path):
    runner = build_runner(tmp_path)
    reference = draws(runner)
    torch.rand(7), np.random.rand(3), random.random()
    assert draws(runner) == reference
    for other in (dict(seed=2), dict(rank=1), dict(iter=1)):
        assert all(a != b for a, b in zip(draws(runner, **other), reference, strict=True))
    assert draws(runner, "before_train_epoch") != reference


integers = st.integers(0, 2**31)


@given(st.lists(integers, min_size=1, max_size=3), st.integers(0, 2), integers)
def test_mixed_seeds_are_64_bits_and_differ(values, place, other):
    changed = list(values)
    changed[place % len(values)] = other
    assert 0 <= mix_seed(*values) < 2**64
    assert (mix_seed(*values) == mix_seed(*changed)) == (values == changed)


def test_adjacent_seeds_share_about_half_their_bits():
    shared = [bin(mix_seed(0, 0, i) ^ mix_seed(0, 0, i + 1)).count("1") for i in range(500)]
    assert 31 < np.mean(shared) < 33


def test_mix_seed_is_stable():  # else runs of older versions would resume with other random numbers
    assert mix_seed(0) == 0xE220A8397B1DCDAF  # SplitMix64's first output for state 0


def test_a_nan_loss_stops_the_run_before_saving(tmp_path):
    runner = build_runner(tmp_path, epochs=3, model=ToyModel(heads=("depth", "edges"), spoil_at=3))
    with pytest.raises(NonFiniteLossError) as caught:
        runner.train()
    message = str(caught.value)
    for part in (
        "iteration 3",
        "depth.loss_l2 = nan",
        "images of the batch: image_0.png, image_2.png",
        f"last complete checkpoint: {tmp_path}/epoch_1.pth",
        "clip",
    ):
        assert part in message
    assert all(value.isfinite().all() for value in read_checkpoint(tmp_path / "epoch_1.pth")["state_dict"].values())


def test_patience_counts_consecutive_iterations_with_a_loss_scaler(tmp_path):
    runner = build_runner(tmp_path)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    hook, nan, fine = (
        NonFiniteLossHook(patience=2),
        {"loss": torch.tensor(torch.inf)},
        {"loss": torch.tensor(1.0)},
    )
    with pytest.raises(NonFiniteLossError):
        NonFiniteLossHook(patience=2).after_train_iter(runner, 0, None, nan)
    runner.optim_wrapper.loss_scaler = torch.amp.GradScaler("cpu")  # as in AmpOptimWrapper
    for outputs in (nan, nan, fine, nan, nan):
        hook.after_train_iter(runner, 0, None, outputs)
    with pytest.raises(NonFiniteLossError):
        hook.after_train_iter(runner, 0, None, nan)


class WithNan(ToyModel):
    """A model that reports one NaN under `name` with its losses."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def forward(self, inputs, data_samples=None, mode="tensor"):
        outputs = super().forward(inputs, data_samples, mode)
        return {**outputs, self.name: torch.tensor(torch.nan)} if mode == "loss" else outputs


def test_nan_is_allowed_outside_of_losses(tmp_path):
    runner = build_runner(tmp_path / "a", epochs=1, model=WithNan("iou"))
    runner.train()
    assert runner.iter == 2
    with pytest.raises(NonFiniteLossError, match="loss_iou = nan"):
        build_runner(tmp_path / "b", epochs=1, model=WithNan("loss_iou")).train()


class CountedDataset(ToyDataset):
    def __init__(self, **counts):
        super().__init__()
        self.counts = counts

    def label_counts(self):
        return self.counts


PRESENCE = [dict(type="LabelPresenceHook")]


@pytest.mark.parametrize("counts", [dict(semseg=5, depth=4), dict(semseg=5, depth=4, edges=0)])
def test_a_head_without_labels_raises_before_training(counts, tmp_path):
    model = ToyModel(heads=("depth", "edges"))
    runner = build_runner(tmp_path, model=model, dataset=CountedDataset(**counts), hooks=PRESENCE)
    with pytest.raises(ValueError) as caught:
        runner.train()
    for part in ("'edges'", "depth (4 images)", "semseg (5 images)", "model.heads.edges=None"):
        assert part in str(caught.value)
    assert runner.iter == 0


def test_labels_added_by_a_transform_count(tmp_path):
    """The label counts of the dataset have no depth, but its samples do."""
    runner = build_runner(tmp_path / "a", epochs=1, dataset=CountedDataset(semseg=8), hooks=PRESENCE)
    runner.train()
    assert runner.iter == 2
    model = ToyModel(heads=("depth", "edges"))  # nothing provides labels for edges
    runner = build_runner(tmp_path / "b", epochs=1, model=model, dataset=CountedDataset(semseg=8), hooks=PRESENCE)
    with pytest.raises(ValueError, match="the head 'edges'"):
        runner.train()


def test_without_label_counts_labels_are_collected_for_one_epoch(tmp_path):
    build_runner(tmp_path / "a", epochs=1, hooks=PRESENCE).train()
    runner = build_runner(tmp_path / "b", model=ToyModel(heads=("depth", "edges")), hooks=PRESENCE)
    with pytest.raises(ValueError, match="'edges'.*the first epoch had: depth"):
        runner.train()
    assert runner.iter == 1  # in the second and last iteration of the epoch


class LabelsLater(DistillationHook):
    """A subclass with another name, which builds no teachers."""

    def before_train(self, runner):
        pass

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        pass


def test_a_teacher_may_provide_the_label(tmp_path):
    runner = build_runner(
        tmp_path,
        epochs=1,
        model=ToyModel(heads=("depth", "edges")),
        dataset=CountedDataset(depth=4),
        hooks=[LabelsLater([dict(tasks=["edges"])]), *PRESENCE],
    )
    runner.train()
    assert runner.iter == 2


@pytest.mark.parametrize(("monitor", "rule"), [("depth/delta1", "greater"), ("nyud/normals/mean", "less")])
def test_early_stopping_gets_its_rule_from_the_metric(monitor, rule):
    assert HOOKS.build(dict(type="EarlyStoppingHook", monitor=monitor)).rule == rule
    assert HOOKS.build(dict(type="EarlyStoppingHook", monitor=monitor, rule="less")).rule == "less"
    with pytest.raises(ValueError, match="rule must be specified"):
        HOOKS.build(dict(type="EarlyStoppingHook", monitor="flow/foo"))
