"""Loss weightings and gradient memories on losses and gradients of any size, order and unit."""

import functools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtl_plugins.functional.balancing.db_mtl import DBMTLState, db_mtl_step
from mtl_plugins.functional.balancing.dwa import dwa_weights
from mtl_plugins.functional.balancing.excess import ExcessState, excess_step
from mtl_plugins.functional.balancing.famo import FamoState, famo_objective, famo_update
from mtl_plugins.functional.balancing.geometric import geometric_objective
from mtl_plugins.functional.balancing.grad_drop import grad_drop
from mtl_plugins.functional.balancing.grad_norm import grad_norm_step
from mtl_plugins.functional.balancing.moco import MoCoState, moco_step
from mtl_plugins.functional.balancing.random_weights import random_weights
from mtl_plugins.functional.balancing.scalarize import cosmos_objective, pbi_objective
from mtl_plugins.functional.balancing.stch import log_objective, log_stch_objective, stch_objective
from mtl_plugins.functional.balancing.uncertainty import imtl_l_objective, uncertainty_objective
from mtl_plugins.functional.balancing.unit_rows import unit_rows

from .scalar_fixtures import assert_equal, effective_weights

LENGTH = 8

magnitudes = st.integers(-30, 30).map(lambda exponent: 10.0**exponent)
values = st.one_of(st.just(0.0), st.builds(lambda factor, unit: factor * unit, st.floats(0.5, 5), magnitudes))
moderate = st.floats(0.01, 100)
tasks = st.integers(1, 8)


def vectors(elements):
    return tasks.flatmap(lambda number: st.lists(elements, min_size=number, max_size=number)).map(
        lambda numbers: torch.tensor(numbers, dtype=torch.float64)
    )


def numbers(seed, *shape, positive=False):
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn.abs() + 0.1 if positive else drawn


# Each takes the losses and a second vector of positive numbers, one per task.
OBJECTIVES = dict(
    uncertainty=lambda losses, extra: uncertainty_objective(losses, extra.log()),
    imtl_l=lambda losses, extra: imtl_l_objective(losses, extra.log()),
    geometric=lambda losses, extra: geometric_objective(losses),
    stch=lambda losses, extra: stch_objective(losses, 0.1, extra, 0.01),
    log_stch=lambda losses, extra: log_stch_objective(losses, extra, 0.5),
    log=lambda losses, extra: log_objective(losses),
    famo=lambda losses, extra: famo_objective(losses, extra.log()),
    cosmos=lambda losses, extra: cosmos_objective(losses, extra, 0.5),
    pbi=lambda losses, extra: pbi_objective(losses, extra),
)

# The weights that the docstrings state.
WEIGHTS = dict(
    uncertainty=lambda losses, extra: 0.5 / extra,
    imtl_l=lambda losses, extra: extra,
    geometric=lambda losses, extra: losses.log().mean().exp() / (len(losses) * losses),
    stch=lambda losses, extra: extra * (extra * (losses - 0.01) / 0.1).softmax(dim=0),
    log_stch=lambda losses, extra: len(losses) * ((losses / extra).log() / 0.5).softmax(dim=0) / losses,
    log=lambda losses, extra: 1 / losses,
    famo=lambda losses, extra: (extra / (losses + 1e-8)) / (extra / (losses + 1e-8)).sum(),
)


@pytest.mark.parametrize("name", OBJECTIVES)
@given(losses=vectors(values), seed=st.integers(0, 2**31))
def test_objectives_and_weights_are_finite(name, losses, seed):
    extra = numbers(seed, len(losses), positive=True)
    value, weights = effective_weights(lambda x: OBJECTIVES[name](x, extra), losses)
    assert value.isfinite()
    assert weights.isfinite().all()


@pytest.mark.parametrize("name", ["geometric", "log", "log_stch"])
@given(losses=vectors(values), seed=st.integers(0, 2**31))
def test_a_loss_of_zero_has_weight_zero(name, losses, seed):
    losses = torch.cat([losses, torch.zeros(1, dtype=torch.float64)])
    extra = numbers(seed, len(losses), positive=True)
    _, weights = effective_weights(lambda x: OBJECTIVES[name](x, extra), losses)
    assert (weights[losses == 0] == 0).all()
    assert (weights >= 0).all()


@pytest.mark.parametrize("name", WEIGHTS)
@given(losses=vectors(moderate), seed=st.integers(0, 2**31))
def test_weights_are_those_of_the_docstring(name, losses, seed):
    extra = numbers(seed, len(losses), positive=True)
    _, weights = effective_weights(lambda x: OBJECTIVES[name](x, extra), losses)
    assert_equal(weights, WEIGHTS[name](losses, extra), rtol=1e-9)


@pytest.mark.parametrize("name", OBJECTIVES)
@given(losses=vectors(moderate), seed=st.integers(0, 2**31))
def test_the_order_of_the_tasks_does_not_matter(name, losses, seed):
    extra = numbers(seed, len(losses), positive=True)
    order = torch.randperm(len(losses), generator=torch.Generator().manual_seed(seed))
    value, weights = effective_weights(lambda x: OBJECTIVES[name](x, extra), losses)
    value2, weights2 = effective_weights(lambda x: OBJECTIVES[name](x, extra[order]), losses[order])
    assert_equal(value2, value, rtol=1e-9, atol=1e-9)
    assert_equal(weights2, weights[order], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("unit", [1e-20, 1e-3, 1e20])
def test_geometric_mean_and_log_stch_do_not_depend_on_the_unit_of_a_loss(unit):
    losses, nadir = numbers(0, 3, positive=True), numbers(1, 3, positive=True)
    units = torch.tensor([unit, 1.0, 1.0], dtype=torch.float64)
    for objective in (geometric_objective, lambda x: log_stch_objective(x, nadir)):
        _, weights = effective_weights(objective, losses)
        changed = effective_weights(lambda x, of=objective: of(x / units), losses * units)[1]
        assert_equal(changed * losses * units, weights * losses, rtol=1e-10)


def test_geometric_mean_ignores_a_loss_of_zero():
    losses = torch.tensor([2.0, 0.0, 8.0], dtype=torch.float64)
    value, weights = effective_weights(geometric_objective, losses)
    assert_equal(value, torch.tensor(4.0).double())
    assert_equal(weights, torch.tensor([1.0, 0.0, 0.25]).double())
    assert geometric_objective(torch.zeros(2)) == 0


@given(now=vectors(values), seed=st.integers(0, 2**31), temperature=st.floats(0.5, 10))
def test_dwa_is_finite_and_sums_to_the_number_of_tasks(now, seed, temperature):
    before = now[torch.randperm(len(now), generator=torch.Generator().manual_seed(seed))]
    weights = dwa_weights(now, before, temperature)
    assert (weights >= 0).all()
    assert_equal(weights.sum(), torch.tensor(len(now)).double(), rtol=1e-9)


def test_dwa_prefers_the_loss_that_falls_slowly():
    weights = dwa_weights(torch.tensor([0.9, 0.5, 0.5]), torch.tensor([1.0, 1.0, 0.0]))
    assert weights[2] > weights[0] > weights[1]  # the third counts as constant


def test_random_weights_depend_only_on_the_generator():
    first, second = (random_weights(5, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert_equal(first.sum(), torch.tensor(1.0).double())


def new_famo(number):
    return FamoState(*torch.zeros(4, number, dtype=torch.float64))


@given(before=vectors(values), seed=st.integers(0, 2**31))
def test_famo_update_is_finite(before, seed):
    state = new_famo(len(before))
    for step in range(3):
        after = before[torch.randperm(len(before), generator=torch.Generator().manual_seed(seed + step))]
        state = famo_update(before, after, state)
    assert all(part.isfinite().all() for part in state)
    assert (state.steps == 3).all()


def test_famo_lowers_the_weight_of_the_loss_that_fell_most():
    losses = torch.ones(3, dtype=torch.float64)
    state = famo_update(losses, torch.tensor([0.5, 0.9, 1.0]).double(), new_famo(3))
    assert state.logits[0] < state.logits[1:].min()


@given(norms=vectors(values), seed=st.integers(0, 2**31))
def test_grad_norm_is_finite_and_keeps_its_sum(norms, seed):
    losses, first = numbers(seed, 2, len(norms), positive=True) * (numbers(seed + 1, 2, len(norms)) > -0.5)
    weights = torch.ones_like(norms)
    for _ in range(3):
        weights = grad_norm_step(norms, losses, first, weights)
        assert (weights >= 0).all()
        assert_equal(weights.sum(), torch.tensor(len(norms)).double(), rtol=1e-9)


def test_grad_norm_brings_the_weighted_norms_together():
    norms = torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)
    ones = weights = torch.ones(3, dtype=torch.float64)
    for _ in range(2000):
        weights = grad_norm_step(norms, ones, ones, weights, lr=1e-2 / (weights * norms).mean())
    weighted = weights * norms
    assert weighted.max() / weighted.min() < 1.2


def test_grad_norm_prefers_the_task_that_trains_slowly():
    ones = torch.ones(2, dtype=torch.float64)
    weights = grad_norm_step(ones, torch.tensor([0.2, 0.9]).double(), ones, ones)
    assert weights[1] > 1 > weights[0]


def state_of(step, number, length=LENGTH, dtype=torch.float64):
    rows, zero = torch.zeros(number, length, dtype=dtype), torch.zeros(number, dtype=torch.float64)
    return {
        moco_step: MoCoState(rows, torch.full_like(zero, 1 / number), zero),
        db_mtl_step: DBMTLState(rows, zero),
        excess_step: ExcessState(rows, zero, torch.ones_like(zero), zero),
    }[step]


def run(step, jacobian, losses, state):
    return step(jacobian, state) if step is excess_step else step(jacobian, losses, state)


MEMORIES = pytest.mark.parametrize("step", [moco_step, db_mtl_step, excess_step])


@MEMORIES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(units=vectors(values), seed=st.integers(0, 2**31))
def test_memories_are_finite(step, dtype, units, seed):
    if dtype == torch.float32:
        units = units.clamp(max=1e25)
    state = state_of(step, len(units), dtype=dtype)
    for time in range(3):
        order = torch.randperm(len(units), generator=torch.Generator().manual_seed(seed + time))
        jacobian = (numbers(seed + time, len(units), LENGTH) * units[order, None]).to(dtype)
        direction, weights, state = run(step, jacobian, units, state)
        assert direction.isfinite().all()
        assert weights.isfinite().all()
        assert all(part.isfinite().all() for part in state)


@MEMORIES
def test_memories_do_not_depend_on_the_order_of_the_tasks(step):
    order = torch.tensor([2, 0, 3, 1])
    state, state2 = state_of(step, 4), state_of(step, 4)
    for seed in range(4):
        jacobian, losses = numbers(seed, 4, LENGTH), numbers(seed + 10, 4, positive=True)
        direction, weights, state = run(step, jacobian, losses, state)
        direction2, weights2, state2 = run(step, jacobian[order], losses[order], state2)
        assert_equal(direction2, direction, rtol=1e-10, atol=1e-12)
        assert_equal(weights2, weights[order], rtol=1e-10)


@MEMORIES
def test_memories_do_not_change_their_state_in_place(step):
    state = state_of(step, 3)
    run(step, numbers(0, 3, LENGTH), numbers(1, 3, positive=True), state)
    assert all(torch.equal(part, before) for part, before in zip(state, state_of(step, 3), strict=True))


@pytest.mark.parametrize("step", [moco_step, excess_step])
def test_absent_tasks_keep_their_share_of_the_weights(step):
    state = state_of(step, 4)
    _, _, state = run(step, numbers(0, 4, LENGTH), numbers(1, 4, positive=True), state)
    total, present = state.weights.sum(), torch.tensor([0, 2])
    partly = type(state)(*(part[present] for part in state))
    _, weights, partly = run(step, numbers(2, 2, LENGTH), numbers(3, 2, positive=True), partly)
    assert_equal(weights.sum(), torch.tensor(1.0 if step is moco_step else 2.0).double())
    assert_equal(partly.weights.sum() + state.weights[[1, 3]].sum(), total)


@pytest.mark.parametrize("unit", [1e-12, 1e12])
@pytest.mark.parametrize("step", [moco_step, db_mtl_step])
def test_moco_and_db_mtl_do_not_depend_on_the_unit_of_the_gradients(step, unit):
    jacobian, losses = numbers(0, 3, LENGTH), numbers(1, 3, positive=True)
    direction, _, _ = run(step, jacobian, losses, state_of(step, 3))
    scaled, _, _ = run(step, jacobian * unit, losses, state_of(step, 3))
    assert_equal(scaled / (unit if step is db_mtl_step else 1), direction, rtol=1e-9)


def test_averages_of_db_mtl_have_equal_norms_in_the_direction():
    jacobian = torch.diag(torch.tensor([1e-3, 1.0, 1e3])).double()
    losses = torch.tensor([0.1, 1.0, 2.0]).double()
    direction, weights, state = db_mtl_step(jacobian, losses, state_of(db_mtl_step, 3, length=3))
    assert_equal(direction, state.averages.norm(dim=1).max().expand(3), rtol=1e-9)
    assert_equal(weights, 1 / losses, rtol=1e-6)


def test_a_zero_row_keeps_the_average_of_db_mtl_out_of_the_direction():
    jacobian, losses = numbers(0, 3, LENGTH), numbers(1, 3, positive=True)
    _, _, state = db_mtl_step(jacobian, losses, state_of(db_mtl_step, 3))
    jacobian[1] = 0
    direction, _, after = db_mtl_step(jacobian, losses, state)
    assert torch.equal(after.averages[1], state.averages[1])
    assert after.steps.tolist() == [2, 1, 2]
    others = torch.tensor([0, 2])
    partly = DBMTLState(*(part[others] for part in state))
    assert_equal(direction, db_mtl_step(jacobian[others], losses[others], partly)[0])


def test_excess_of_a_task_without_a_gradient_waits_for_its_baseline():
    jacobian = numbers(0, 3, LENGTH)
    silent = jacobian.clone()
    silent[1] = 0
    state = state_of(excess_step, 3)
    for _ in range(50):
        _, weights, state = excess_step(silent, state, lr=1.0)
    assert state.baseline[1] == state.steps[1] == 0
    _, weights, state = excess_step(jacobian, state, lr=1.0)
    assert state.baseline[1] > 0
    assert weights.argmax() != 1  # TorchJD gives it all of the weight
    assert (state.weights > 0).all()


def test_the_baseline_of_excess_is_the_mean_of_its_warmup():
    state, expected = state_of(excess_step, 2), []
    roots = torch.zeros(2, LENGTH, dtype=torch.float64)
    for seed in range(3):
        jacobian = numbers(seed, 2, LENGTH)
        roots = torch.hypot(roots, jacobian)
        expected.append((jacobian**2 / (roots**2 + 1e-7).sqrt()).sum(dim=1))
        _, weights, state = excess_step(jacobian, state, warmup=3)
        assert_equal(weights, torch.ones(2).double())
    assert_equal(state.baseline, torch.stack(expected).mean(dim=0))
    _, weights, _ = excess_step(numbers(3, 2, LENGTH), state, warmup=3)
    assert weights[0] != weights[1]


@given(units=vectors(values), seed=st.integers(0, 2**31), leak=st.floats(0, 1))
def test_grad_drop_is_finite_and_keeps_one_sign(units, seed, leak):
    jacobian = numbers(seed, len(units), LENGTH) * units[:, None]
    uniform = torch.rand(LENGTH, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert grad_drop(jacobian, uniform, leak).isfinite().all()
    kept, positive, negative = grad_drop(jacobian, uniform), jacobian.clamp(min=0).sum(0), jacobian.clamp(max=0).sum(0)
    assert (torch.isclose(kept, positive, rtol=1e-12, atol=0) | torch.isclose(kept, negative, rtol=1e-12, atol=0)).all()
    assert_equal(grad_drop(jacobian, uniform, 1.0), jacobian.sum(dim=0), rtol=1e-9)


def test_grad_drop_keeps_what_all_tasks_agree_on():
    jacobian = torch.tensor([[1.0, -1.0, 0.0], [2.0, -3.0, 0.0], [0.0, 0.0, 0.0]])
    for uniform in (0.0, 0.5, 0.999):
        assert torch.equal(grad_drop(jacobian, torch.full((3,), uniform)), torch.tensor([3.0, -4.0, 0.0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_unit_rows_of_any_size(dtype):
    rows = torch.tensor([[3e30, 4e30], [3e-30, -4e-30], [0.0, 0.0]], dtype=dtype)
    units, norms = unit_rows(rows)
    torch.testing.assert_close(units, torch.tensor([[0.6, 0.8], [0.6, -0.8], [0.0, 0.0]], dtype=dtype))
    torch.testing.assert_close(norms, torch.tensor([[5e30], [5e-30], [0.0]], dtype=dtype), rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", sorted(OBJECTIVES.keys() - {"famo"}))  # whose scale is constant for the gradient
def test_objectives_pass_gradcheck(name):
    losses, extra = numbers(5, 4, positive=True).requires_grad_(), numbers(6, 4, positive=True)
    assert torch.autograd.gradcheck(functools.partial(OBJECTIVES[name], extra=extra), losses)
