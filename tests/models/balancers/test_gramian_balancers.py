"""State and options of the balancers from Gramians, also against published numbers."""

import math

import numpy as np
import pytest
import torch

from mtl_plugins.functional import balancing as bl
from mtl_plugins.models.balancers import pair_names
from mtl_plugins.models.balancers.task_losses import TaskLosses
from mtl_plugins.registry import MODELS

TASKS = ("first", "second", "third")


def build(name, tasks=TASKS, **options):
    return MODELS.build(dict(type=name, tasks=tasks, **options))


def gramian_of(seed, tasks=3):
    jacobian = torch.randn(tasks, 10, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return jacobian @ jacobian.T


def ones(tasks=3):
    return torch.ones(tasks, dtype=torch.float64)


@pytest.fixture(scope="module")
def published(shared):
    with np.load(shared("parity/balancing") / "losses.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


@pytest.mark.parametrize(
    "tag, name, options",
    [
        ("CAGrad_r1", "CAGrad", dict(rescale=1)),
        ("FairGrad", "FairGrad", {}),
        ("FairGrad_a2", "FairGrad", dict(alpha=2.0)),
        ("UPGrad", "UPGrad", {}),
        ("MGDA_none", "MGDA", {}),
        ("GradVac", "GradVac", {}),
        ("PCGrad", "PCGrad", {}),
        ("MoDo", "MoDo", {}),
        ("SDMGrad", "SDMGrad", {}),
    ],
)
def test_the_heads_are_scaled_as_in_the_published_code(published, tag, name, options):
    balancer = build(name, **options)
    applied = published[f"{tag}|hg"] / published["H"]  # the weight of each head's gradient, (steps, T)
    same_for_all = bool((applied - applied[:, :1]).abs().max() < 1e-12)  # LibMTL adds up three batches in SDMGrad
    assert same_for_all == (not balancer.scale_heads)
    if balancer.scale_heads:
        weights = torch.stack([balancer.weights(j @ j.T, TASKS, ones()) for j in published["G"]])
        torch.testing.assert_close(weights, applied, rtol=1e-8, atol=0)


def test_the_heads_of_nash_have_weights_without_max_norm(published):
    balancer = build("NashMTL")
    for jacobian, weights in zip(published["G"], published["exact_Nash|w"], strict=True):
        balancer.start_step()
        losses = TaskLosses({}, TASKS, ones())
        (direction,), found = balancer.direction([[row] for row in jacobian], losses, shared=True)
        torch.testing.assert_close(found, weights, rtol=1e-6, atol=0)
        assert direction.norm() == pytest.approx(1)


@pytest.mark.parametrize("options, norm", [(dict(max_norm=None), math.sqrt(3)), (dict(max_norm=0.5), 0.5)])
def test_max_norm_of_nash(options, norm):
    balancer = build("NashMTL", **options)
    balancer.start_step()
    jacobian = torch.randn(3, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (direction,), _ = balancer.direction([[row] for row in jacobian], TaskLosses({}, TASKS, ones()), shared=True)
    assert direction.norm() == pytest.approx(norm)


@pytest.mark.parametrize("name", ["NashMTL", "FairGrad"])
@pytest.mark.parametrize("options", [dict(every=2), dict(smoothing=0.9)], ids=str)
def test_old_weights_are_those_of_unit_gradients(name, options):
    """A task whose gradient was tiny gets no huge weight afterwards."""
    balancer = build(name, **options)
    losses = TaskLosses({}, TASKS, ones())
    rows = torch.eye(3).double()
    for scale in (1.0, 1e-6, 1.0, 0.0, 1.0):
        balancer.start_step()
        scaled = [[row * (scale if i == 1 else 1.0)] for i, row in enumerate(rows)]
        _, weights = balancer.direction(scaled, losses, shared=True)
        expected = torch.tensor([1.0, 1 / scale if scale else 0.0, 1.0]).double()
        torch.testing.assert_close(weights, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", ["NashMTL", "FairGrad"])
def test_normalised_weights_sum_to_the_number_of_tasks_and_do_not_depend_on_the_scale(name):
    balancer, gramian = build(name, normalised=True), gramian_of(0)
    weights = balancer.weights(gramian, TASKS, ones())
    assert weights.sum() == pytest.approx(3)
    torch.testing.assert_close(balancer.weights(1e-8 * gramian, TASKS, ones()), weights)
    assert not balancer.weights(0 * gramian, TASKS, ones()).any()


@pytest.mark.parametrize("name", ["UPGrad", "DualProj", "AlignedMTL"])
def test_the_preference_of_the_present_tasks_keeps_its_sum(name):
    balancer = build(name, preference=dict(first=1.0, second=3.0, third=2.0))
    weights = balancer.weights(torch.eye(3).double(), TASKS, ones())
    torch.testing.assert_close(weights, torch.tensor([1.0, 3, 2]).double())
    weights = balancer.weights(torch.eye(2).double(), ("first", "third"), ones(2))
    torch.testing.assert_close(weights, torch.tensor([2.0, 4]).double())
    assert not any("preference" in key for key in balancer.state_dict())
    default = build(name).weights(torch.eye(2).double(), ("first", "third"), ones(2))
    torch.testing.assert_close(default, torch.tensor([0.5, 0.5]).double())


def test_gradvac_keeps_the_cosines_of_absent_tasks():
    balancer = build("GradVac")
    balancer.start_step()
    balancer.weights(gramian_of(0), TASKS, ones())
    before = balancer.targets.get(pair_names(TASKS)).view(3, 3)
    assert (before[~torch.eye(3, dtype=torch.bool)] != 0).all()
    balancer.start_step()
    balancer.weights(gramian_of(1, 2), ("third", "first"), ones(2))
    after = balancer.targets.get(pair_names(TASKS)).view(3, 3)
    changed = torch.zeros(3, 3, dtype=torch.bool)
    changed[0, 2] = changed[2, 0] = True
    assert torch.equal(before != after, changed)


@pytest.mark.parametrize("name", ["PCGrad", "GradVac"])
def test_the_order_depends_on_the_step_and_the_seed_only(name):
    torch.manual_seed(1)
    one = build(name)
    torch.manual_seed(2)
    two = build(name)
    two.load_state_dict(one.state_dict())
    orders = []
    for _ in range(20):
        for balancer in (one, two):
            balancer.start_step()
        orders.append(one.order(5))
        assert torch.equal(orders[-1], two.order(5))
        assert torch.equal(orders[-1].sort(1).values, torch.arange(5).expand(5, 5))
    assert len({tuple(order.flatten().tolist()) for order in orders}) == 20


def test_pcd_follows_the_primary_task_and_then_the_next_one():
    balancer = build("PCD", primary="second", tau=0.0)
    weights = balancer.weights(torch.eye(3).double(), TASKS, ones())
    torch.testing.assert_close(weights, torch.tensor([0.0, 1, 0]).double())
    weights = balancer.weights(torch.eye(2).double(), ("first", "third"), ones(2))
    torch.testing.assert_close(weights, torch.tensor([1.0, 0]).double())
    weights = balancer.weights(torch.diag(torch.tensor([1.0, 0, 1])).double(), TASKS, ones())
    torch.testing.assert_close(weights, torch.tensor([1.0, 0, 0]).double())
    assert balancer.counts.get(TASKS).tolist() == [3, 2, 3]


def test_pcd_weighs_its_averages_by_the_steps_with_labels():
    balancer = build("PCD", tau=0.5, beta=0.9)
    for _ in range(3):
        balancer.weights(torch.eye(2).double(), ("first", "third"), ones(2))
    balancer.weights(torch.diag(torch.tensor([1.0, 4, 1])).double(), TASKS, ones())
    means = balancer.averages.get(TASKS) / (1 - 0.9 ** balancer.counts.get(TASKS))
    torch.testing.assert_close(means, torch.tensor([1.0, 4, 1]).double())


@pytest.mark.parametrize("name, options", [("MoDo", {}), ("SDMGrad", dict(lr=0.2))])
def test_the_weights_of_present_tasks_continue(name, options):
    balancer, gramian = build(name, **options), torch.diag(torch.tensor([1.0, 2, 5])).double()
    for _ in range(3):
        weights = balancer.weights(gramian, TASKS, ones())
    assert weights.sum() == pytest.approx(1) and weights[0] > weights[1] > weights[2]
    before = balancer.factors.get(TASKS)
    two = balancer.weights(gramian[1:, 1:], TASKS[1:], ones(2))
    assert two.sum() == pytest.approx(1)
    after = balancer.factors.get(TASKS)
    assert after[0] == before[0] and after.sum() == pytest.approx(1) and not torch.equal(after, before)


def test_krum_and_mgda_ignore_gradients_of_zero():
    gramian = gramian_of(0, 4)
    gramian[1], gramian[:, 1] = 0, 0
    tasks = (*TASKS, "fourth")
    kept = [0, 2, 3]
    for name in ("Krum", "MGDA"):
        weights = build(name, tasks).weights(gramian, tasks, ones(4))
        expected = build(name).weights(gramian[kept][:, kept], TASKS, ones())
        assert weights[1] == 0
        torch.testing.assert_close(weights[kept], expected)
        assert not build(name).weights(0 * gramian[:3, :3], TASKS, ones()).any()


@pytest.mark.parametrize("normalisation", bl.NORMALISATIONS)
def test_mgda_normalises_by_the_losses(normalisation):
    losses = torch.tensor([1.0, 2.0, 3.0]).double()
    weights = build("MGDA", normalisation=normalisation).weights(gramian_of(1), TASKS, losses)
    torch.testing.assert_close(weights, bl.mgda_weights(gramian_of(1), losses, normalisation))


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("CAGrad", dict(c=-0.1), r"CAGrad: c=-0.1 must be a number at least 0"),
        ("CAGrad", dict(rescale=3), r"CAGrad: rescale=3 must be 0, 1, 2"),
        ("MGDA", dict(normalisation="l1"), r"MGDA: normalisation='l1' must be 'none', 'l2', 'loss', 'loss\+'"),
        ("NashMTL", dict(max_norm=0), r"NashMTL: max_norm=0 must be a number above 0"),
        ("FairGrad", dict(alpha=0.0), r"FairGrad: alpha=0.0 must be a number above 0"),
        ("GradVac", dict(beta=2), r"GradVac: beta=2 must be a number at least 0 and at most 1"),
        ("AlignedMTL", dict(scale_mode="max"), r"AlignedMTL: scale_mode='max' must be 'min', 'median', 'rmse'"),
        (
            "UPGrad",
            dict(preference=[1.0, 2.0]),
            r"UPGrad: preference has 2 numbers for 3 tasks \(first, second, third\)",
        ),
        ("UPGrad", dict(preference=dict(first=1, second=1)), r"UPGrad: preference has no number for third"),
        ("Krum", dict(n_selected=4), r"Krum: n_selected=4 must be a whole number at least 1 and at most 3"),
        ("PCD", dict(primary="secnd"), r"PCD: primary='secnd' is not a task: .*second.*The tasks are first, second"),
        ("PCD", dict(beta=1.0), r"PCD: beta=1.0 must be a number at least 0 and below 1"),
        ("MoDo", dict(gamma=0.0), r"MoDo: gamma=0.0 must be a number above 0"),
        ("SDMGrad", dict(momentum=1.0), r"SDMGrad: momentum=1.0 must be a number at least 0 and below 1"),
    ],
)
def test_wrong_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, **options)
