"""Properties of the gradient methods: finite for any gradients, equivariant, scale-free, and optimal."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mtl_plugins.functional import balancing as bl

DIMENSION = 30
COUNTS = st.integers(1, 7)


def gradvac(gramian):
    return bl.gradvac_weights(gramian, torch.full_like(gramian, 0.3))[0]


def pcd(gramian):
    tasks = len(gramian)
    return bl.pcd_weights(gramian, torch.zeros(tasks).double(), torch.ones(tasks))[0]


def sdmgrad(gramian):
    return bl.sdmgrad_weights(gramian, torch.full_like(gramian.diagonal(), 1 / len(gramian)))[0]


def modo(gramian):
    return bl.modo_weights(gramian, torch.full_like(gramian.diagonal(), 1 / len(gramian)))


def krum(gramian):
    return bl.krum_weights(gramian, 0, 2)


def mgda_l2(gramian):
    return bl.mgda_weights(gramian, normalisation="l2")


def fair(gramian):
    return bl.fair_weights(gramian, 2.0)


def fair_half(gramian):
    return bl.fair_weights(gramian, 0.5)


# Each method, with the power of the gradients' scale that its weights have; None: they depend on the scale.
METHODS = {
    bl.aligned_weights: 0,
    bl.cagrad_weights: 0,
    bl.config_weights: 0,
    bl.dual_proj_weights: 0,
    bl.imtl_g_weights: 0,
    bl.mgda_weights: 0,
    bl.min_norm_weights: 0,
    bl.nash_weights: -1,
    bl.pcgrad_weights: 0,
    bl.upgrad_weights: 0,
    fair: -4 / 3,
    fair_half: -2 / 3,
    gradvac: 0,
    krum: 0,
    mgda_l2: 0,
    modo: None,
    pcd: 0,
    sdmgrad: 0,
}
EQUIVARIANT = set(METHODS) - {
    bl.pcgrad_weights,
    gradvac,
    pcd,
    krum,
}  # order, ties
all_methods = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)


@st.composite
def jacobians(draw, tasks=COUNTS, degenerate=True, decades=6):
    """Gradients of norms 10^-decades to 10^decades, with zero, equal, opposite and nearly opposite rows."""
    count = draw(tasks)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    rows = torch.randn(count, DIMENSION, generator=generator, dtype=torch.float64)
    rows = rows - draw(st.sampled_from([0.0, 0.5, 0.99, 1.2])) * rows.mean(0)
    if degenerate:
        for i in range(1, count):
            kind = draw(st.sampled_from(["free", "free", "zero", "equal", "opposite", "nearly opposite"]))
            if kind == "zero":
                rows[i] = 0
            elif kind != "free":
                rows[i] = rows[i - 1] if kind == "equal" else -rows[i - 1]
                if kind.startswith("nearly"):
                    rows[i] += 1e-5 * torch.randn(DIMENSION, generator=generator, dtype=torch.float64)
    exponents = draw(st.lists(st.floats(-decades, decades), min_size=count, max_size=count))
    return rows * 10 ** torch.tensor(exponents, dtype=torch.float64)[:, None] / math.sqrt(DIMENSION)


@all_methods
def test_weights_are_finite_for_any_gradients(method):
    @given(jacobians())
    @example(torch.zeros(3, DIMENSION).double())
    @example(torch.zeros(1, DIMENSION).double())
    @example(torch.ones(20, DIMENSION).double())
    @settings(max_examples=30, deadline=None)
    def check(jacobian):
        weights = method(jacobian @ jacobian.T)
        assert weights.shape == (len(jacobian),) and weights.dtype == torch.float64
        assert weights.isfinite().all()

    check()


@pytest.mark.parametrize("method", sorted(EQUIVARIANT, key=str), ids=lambda method: method.__name__)
def test_the_order_of_the_tasks_does_not_matter(method):
    @given(jacobians(degenerate=False, decades=2), st.randoms(use_true_random=False))
    @settings(max_examples=30, deadline=None)
    def check(jacobian, random):
        order = list(range(len(jacobian)))
        random.shuffle(order)
        permuted = jacobian[order]
        direction = jacobian.T @ method(jacobian @ jacobian.T)
        other = permuted.T @ method(permuted @ permuted.T)
        assert (direction - other).norm() <= 1e-5 * direction.norm()

    check()


@pytest.mark.parametrize(
    "method", [method for method in METHODS if METHODS[method] is not None], ids=lambda method: method.__name__
)
def test_the_weights_scale_as_documented(method):
    @given(jacobians(degenerate=False, decades=1), st.floats(-5, 5))
    @settings(max_examples=30, deadline=None)
    def check(jacobian, exponent):
        scale = 10**exponent
        weights = method(jacobian @ jacobian.T)
        scaled = method(scale**2 * (jacobian @ jacobian.T)) / scale ** METHODS[method]
        assert (weights - scaled).norm() <= 1e-5 * weights.norm()

    check()


def test_mgda_is_the_shortest_vector():
    @given(jacobians())
    @settings(max_examples=30, deadline=None)
    def check(jacobian):
        weights = bl.min_norm_weights(jacobian @ jacobian.T)
        assert weights.min() >= 0 and weights.sum() == pytest.approx(1)
        shortest = jacobian.T @ weights
        # d^T g_i >= |d|^2 for every gradient
        slack = 1e-6 * jacobian.norm(dim=1) * (weights @ jacobian.norm(dim=1))
        assert (jacobian @ shortest >= shortest @ shortest - slack).all()

    check()


@pytest.mark.parametrize("c", [0.0, 0.1, 0.5, 0.9])
def test_cagrad_maximises_the_smallest_decrease(c):
    """Weak duality: any w on the simplex bounds the smallest decrease from above; the solution attains its bound."""

    @given(jacobians(tasks=st.integers(1, 5), degenerate=False, decades=2))
    @settings(max_examples=30, deadline=None)
    def check(jacobian):
        mean = jacobian.mean(0)
        weights = bl.cagrad_weights(jacobian @ jacobian.T, c)
        direction = jacobian.T @ weights
        radius = c * mean.norm()
        assert (direction - mean).norm() <= radius * (1 + 1e-5) + 1e-12 * mean.norm()
        if c == 0:
            return
        extra = weights - 1 / len(weights)
        assert extra.min() >= -1e-12
        w = extra / extra.sum()
        bound = w @ jacobian @ mean + radius * (jacobian.T @ w).norm()
        slack = 1e-5 * (radius + mean.norm()) * (w @ jacobian.norm(dim=1))
        assert (jacobian @ direction).min() >= bound - slack

    check()


def test_cagrad_at_a_pareto_stationary_point_conflicts_with_no_gradient():
    jacobian = torch.randn(4, DIMENSION, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    jacobian[1] = -2 * jacobian[0]
    direction = jacobian.T @ bl.cagrad_weights(jacobian @ jacobian.T, 0.9)
    mean = jacobian.mean(0)
    assert (direction - mean).norm() <= 0.9 * mean.norm()
    assert direction.norm() > 0.1 * mean.norm()
    assert (jacobian @ direction / jacobian.norm(dim=1)).min() >= -1e-6 * mean.norm()


@pytest.mark.parametrize(
    ("alpha", "degenerate", "decades"),
    [(0.5, False, 3), (1.0, False, 6), (2.0, False, 3), (5.0, False, 2), (0.5, True, 1), (1.0, True, 1)],
)
def test_nash_and_fairgrad_solve_their_equations(alpha, degenerate, decades):
    @given(jacobians(degenerate=degenerate, decades=decades))
    @settings(max_examples=30, deadline=None)
    def check(jacobian):
        gramian = jacobian @ jacobian.T
        weights = bl.fair_weights(gramian, alpha)
        kept = gramian.diagonal() > 0
        assert (weights[~kept] == 0).all() and (weights[kept] > 0).all()
        # Up to the regularisation, 1e-10 of the squared norms
        terms = (weights * gramian)[kept] + 1e-10 * torch.diag(gramian.diagonal() * weights)[kept]
        target = weights[kept] ** (-1 / alpha)
        rounding = 1e-11 * terms.abs().sum(1)
        assert ((terms.sum(1) - target).abs() <= 1e-6 * target + rounding).all()

    check()


def test_imtl_g_has_equal_projections_and_config_equal_cosines():
    @given(jacobians(degenerate=False))
    @settings(max_examples=30, deadline=None)
    def check(jacobian):
        norms = jacobian.norm(dim=1)
        units = jacobian / norms[:, None]
        if torch.linalg.cond(units) > 1e4:
            return
        gramian = jacobian @ jacobian.T
        impartial = bl.imtl_g_weights(gramian)
        projections = units @ (jacobian.T @ impartial)
        assert projections.min() > 0 and projections.max() <= norms.max() * (1 + 1e-6)
        torch.testing.assert_close(projections, projections[:1].expand_as(projections), rtol=1e-5, atol=0)
        if impartial.min() > 0:
            assert impartial.sum() == pytest.approx(1)
        direction = jacobian.T @ bl.config_weights(gramian)
        cosines = units @ direction / direction.norm()
        torch.testing.assert_close(cosines, cosines[:1].expand_as(cosines), rtol=1e-5, atol=1e-8)
        assert direction.norm() == pytest.approx(float(jacobian.sum(0) @ direction / direction.norm()), rel=1e-5)

    check()


@pytest.mark.parametrize("method", [bl.upgrad_weights, bl.dual_proj_weights])
def test_projections_on_the_dual_cone_conflict_with_no_gradient(method):
    @given(jacobians(degenerate=False, decades=1))
    @settings(max_examples=30, deadline=None)
    def check(jacobian):
        gramian = jacobian @ jacobian.T
        weights = method(gramian)
        assert (weights >= 1 / len(jacobian) - 1e-12).all()
        # v^T (G/trace + eps I) v is minimal: the product with gradient i is negative at most by eps * trace * v_i
        assert (gramian @ weights >= -1e-4 * gramian.trace() * weights * (1 + 1e-6)).all()

    check()


def test_projection_on_the_dual_cone_satisfies_its_optimality_conditions():
    @given(jacobians(), st.integers(0, 2**31))
    @settings(max_examples=30, deadline=None)
    def check(jacobian, seed):
        tasks = len(jacobian)
        gramian = jacobian @ jacobian.T
        vectors = torch.randn(3, tasks, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        projected = bl.project_on_dual_cone(gramian, vectors)
        if not gramian.trace():
            assert torch.equal(projected, vectors)
            return
        scaled = gramian / gramian.trace() + 1e-4 * torch.eye(tasks)
        moved, multipliers = projected - vectors, projected @ scaled
        assert moved.min() >= 0 and multipliers.min() >= -1e-9 * projected.abs().max()
        assert (moved * multipliers).abs().max() <= 1e-9 * projected.square().max()

    check()


@pytest.mark.parametrize("seed", range(5))
def test_aligned_gradients_are_orthogonal_and_equally_long(seed):
    jacobian = torch.randn(4, DIMENSION, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    gramian = jacobian @ jacobian.T
    aligned = torch.stack([bl.aligned_weights(gramian, "min", p) for p in torch.eye(4).double()]) @ jacobian
    expected = torch.linalg.eigvalsh(gramian)[0] * torch.eye(4).double()
    torch.testing.assert_close(aligned @ aligned.T, expected, rtol=1e-10, atol=1e-10)


def test_pcgrad_without_conflicts_is_the_sum_and_keeps_a_zero_row():
    jacobian = torch.rand(3, DIMENSION, dtype=torch.float64)
    jacobian[1] = 0
    assert torch.equal(bl.pcgrad_weights(jacobian @ jacobian.T), torch.ones(3).double())


def test_pcgrad_of_two_tasks_does_not_conflict():
    @given(jacobians(tasks=st.just(2)))
    @settings(max_examples=30, deadline=None)
    def check(jacobian):
        gramian = jacobian @ jacobian.T
        products = gramian @ bl.pcgrad_weights(gramian)
        assert (products >= -1e-9 * gramian.diagonal().sqrt() * gramian.trace().sqrt()).all()

    check()


def test_gradvac_brings_two_gradients_to_the_target_cosine():
    jacobian = torch.randn(2, DIMENSION, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gramian = jacobian @ jacobian.T
    cosine = gramian[0, 1] / (gramian[0, 0] * gramian[1, 1]).sqrt()
    targets = torch.tensor([[0, 0.6], [-1, 0]], dtype=torch.float64)
    weights, after = bl.gradvac_weights(gramian, targets, beta=0.5)
    changed = jacobian[0] + (weights[1] - 1) * jacobian[1]  # only gradient 0 changes: target -1 is always reached
    assert weights[0] == 1
    assert changed @ jacobian[1] / (changed.norm() * jacobian[1].norm()) == pytest.approx(0.6)
    torch.testing.assert_close(after, torch.tensor([[0, 0.3 + cosine / 2], [-0.5 + cosine / 2, 0]]).double())


def test_gradvac_stays_bounded_when_equal_gradients_part():
    targets = torch.zeros(2, 2, dtype=torch.float64)
    for _ in range(100):
        _, targets = bl.gradvac_weights(torch.ones(2, 2, dtype=torch.float64), targets)
    assert targets[0, 1] == 1
    weights, _ = bl.gradvac_weights(torch.eye(2, dtype=torch.float64), targets)
    assert weights.max() < 100


def test_pcd_guarantees_progress_of_the_others_near_the_primary_gradient():
    @given(jacobians(), st.floats(0, 0.5))
    @settings(max_examples=30, deadline=None)
    def check(jacobian, tau):
        tasks, norms = len(jacobian), jacobian.norm(dim=1)
        weights, averages = bl.pcd_weights(
            jacobian @ jacobian.T, torch.zeros(tasks).double(), torch.ones(tasks), tau, beta=0.9
        )
        torch.testing.assert_close(averages, 0.1 * norms.square())
        if norms[0] == 0:
            assert not weights.any()
            return
        kept = norms > 0
        units = jacobian[kept] / norms[kept, None]
        direction = jacobian.T @ weights
        if not weights.any():  # the primary gradient is the opposite of another one
            return
        torch.testing.assert_close(direction.norm(), norms[0], rtol=0.05, atol=0)  # opposite gradients cancel
        primary_only = torch.zeros_like(weights)
        primary_only[0] = 1
        if torch.allclose(weights, primary_only):  # satisfied already, or contradictory
            return
        # In units of the multiplier of the primary gradient, each product is at least tau.
        products = units[1:] @ direction / (weights[0] * norms[0])
        assert (products >= tau - 1e-4 * (1 + (weights * norms).max() / (weights[0] * norms[0]))).all()

    check()


def test_pcd_with_contradictory_conditions_follows_the_primary_gradient():
    jacobian = torch.tensor([[1.0, 0, 0], [0, 2, 0], [0, -3, 0]], dtype=torch.float64)
    weights = pcd(jacobian @ jacobian.T)
    torch.testing.assert_close(weights, torch.tensor([1.0, 0, 0], dtype=torch.float64))


def test_krum_selects_the_gradients_near_each_other():
    jacobian = torch.tensor([[1.0, 0], [1.1, 0], [1, 0.1], [-5, 5]], dtype=torch.float64)
    weights = bl.krum_weights(jacobian @ jacobian.T, n_byzantine=1, n_selected=2)
    assert weights[3] == 0 and weights.sum() == 1
    assert torch.equal(bl.krum_weights(torch.eye(2).double()), torch.tensor([0.5, 0.5]).double())


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8), st.integers(0, 2**31))
@settings(deadline=None)
def test_projection_on_the_simplex_is_the_closest_point(values, seed):
    values = torch.tensor(values, dtype=torch.float64)
    projected = bl.project_to_simplex(values)
    assert projected.min() >= 0 and projected.sum() == pytest.approx(1)
    other = torch.rand(len(values), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    other = other / other.sum()
    slack = 1e-9 * (1 + values.abs().max())
    assert (values - projected) @ (other - projected) <= slack


def test_smoothing_starts_a_new_task_with_its_first_weight():
    new, old = torch.tensor([1.0, 2.0]).double(), torch.tensor([3.0, torch.nan]).double()
    torch.testing.assert_close(bl.smoothed_weights(new, old, 0.9), torch.tensor([2.8, 2.0]).double())


def test_mgda_without_its_losses_raises():
    with pytest.raises(ValueError, match="normalisation='loss' divides by the losses"):
        bl.mgda_weights(torch.eye(2).double(), normalisation="loss")


@pytest.mark.parametrize("method", [bl.cagrad_weights, bl.imtl_g_weights, bl.config_weights, bl.mgda_weights, fair])
def test_a_zero_row_changes_nothing_for_the_others(method):
    jacobian = torch.randn(3, DIMENSION, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with_zero = torch.cat([jacobian[:1], torch.zeros(1, DIMENSION).double(), jacobian[1:]])
    weights = method(with_zero @ with_zero.T)
    assert weights[1] == 0
    torch.testing.assert_close(weights[[0, 2, 3]], method(jacobian @ jacobian.T), rtol=1e-8, atol=1e-10)
