"""Loss weightings and gradient memories against the numbers of LibMTL and TorchJD."""

import pytest
import torch

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

from .scalar_fixtures import FOLDER, STEPS_PER_EPOCH, assert_equal, effective_weights, epoch_means, load

TASKS = 3
PREFERENCE = torch.tensor([0.5, 0.2, 0.3], dtype=torch.float64)
REFERENCE = 0.01
EPSILON = 1e-8  # which the libraries add to norms


@pytest.fixture(scope="module")
def losses_file(shared):
    return load(shared(FOLDER), "losses")


@pytest.fixture(scope="module")
def gramians_file(shared):
    return load(shared(FOLDER), "gramians")


CASES = (
    *("t2_generic", "t2_conflict", "t3_generic", "t3_conflict", "t3_parallel", "t3_norms", "t3_zero_row"),
    *("t4_conflict", "t4_dup", "t4_anti", "t7_generic", "t7_conflict", "t7_norms", "t7_zero_dup"),
)


def zeros(*shape):
    return torch.zeros(shape, dtype=torch.float64)


def assert_weighted(file, tag, step, value, weights):
    """The objective, and the gradients of LibMTL's shared parameters and heads."""
    assert_equal(value, file[f"{tag}|obj"][step])
    assert_equal(weights, file[f"{tag}|hg"][step] / file["H"])
    assert_equal(weights @ file["G"][step], file[f"{tag}|g"][step], atol=1e-13)


def assert_scalarized(file, tag, step, value, weights):
    """The objective and the weights of a scalarizer of TorchJD."""
    assert_equal(value, file[f"{tag}|obj"][step])
    assert_equal(weights, file[f"{tag}|w"][step])


@pytest.mark.parametrize(
    ("tag", "start", "objective"),
    [
        ("UW", -0.5, uncertainty_objective),
        ("tjd_UW", 0.0, uncertainty_objective),
        ("tjd_IMTLL", 0.0, imtl_l_objective),
    ],
)
def test_learned_scales(losses_file, tag, start, objective):
    scales = torch.full((TASKS,), start, dtype=torch.float64, requires_grad=True)
    check = assert_scalarized if tag.startswith("tjd") else assert_weighted
    optimizer = torch.optim.SGD([scales], lr=0.1)
    for step, losses in enumerate(losses_file["L"]):
        check(losses_file, tag, step, *effective_weights(lambda x: objective(x, scales.detach()), losses))
        optimizer.zero_grad()
        objective(losses, scales).backward()
        optimizer.step()
        assert_equal(scales.detach(), losses_file[f"{tag}|state"][step])


def test_loss_part_of_imtl(losses_file):
    scales = zeros(TASKS).requires_grad_()
    optimizer = torch.optim.SGD([scales], lr=0.1)
    for step, losses in enumerate(losses_file["L"]):
        _, weights = effective_weights(lambda x: imtl_l_objective(x, scales.detach()), losses)
        assert_equal(weights, losses_file["IMTL|hg"][step] / losses_file["H"])
        optimizer.zero_grad()
        imtl_l_objective(losses, scales).backward()
        optimizer.step()
        assert_equal(scales.detach(), losses_file["IMTL|state"][step])


@pytest.mark.parametrize(("tag", "check"), [("DWA", assert_weighted), ("tjd_DWA", assert_scalarized)])
def test_dwa(losses_file, tag, check):
    means = epoch_means(losses_file["L"])
    for step, losses in enumerate(losses_file["L"]):
        epoch = step // STEPS_PER_EPOCH
        weights = dwa_weights(means[epoch - 1], means[epoch - 2]) if epoch >= 2 else torch.ones(TASKS).double()
        check(losses_file, tag, step, (weights * losses).sum(), weights)


@pytest.mark.parametrize(("tag", "check"), [("GLS", assert_weighted), ("tjd_GeometricMean", assert_scalarized)])
def test_geometric_mean(losses_file, tag, check):
    for step, losses in enumerate(losses_file["L"]):
        check(losses_file, tag, step, *effective_weights(geometric_objective, losses))


def test_weights_that_libmtl_reports_for_gls_are_not_in_force(losses_file):
    applied = losses_file["GLS|hg"] / losses_file["H"]
    assert (losses_file["GLS|w"] / applied - 1).abs().median() > 0.1


def test_random_weights_of_torchjd(losses_file):
    generator = torch.Generator().manual_seed(0)
    for step in range(len(losses_file["L"])):
        assert_equal(random_weights(TASKS, generator), losses_file["tjd_Random|w"][step])


def test_random_weights_of_libmtl_sum_to_one(losses_file):
    assert_equal(losses_file["RLW|w"].sum(dim=1), torch.ones(len(losses_file["L"])).double())
    assert_equal(torch.einsum("st,std->sd", losses_file["RLW|w"], losses_file["G"]), losses_file["RLW|g"], atol=1e-13)


@pytest.mark.parametrize(("tag", "mu"), [("STCH", 1.0), ("STCH_mu0.2", 0.2)])
def test_log_stch(losses_file, tag, mu):
    warmup = 1  # the epoch whose mean is the nadir
    nadir = epoch_means(losses_file["L"])[warmup]
    for step, losses in enumerate(losses_file["L"]):
        if step // STEPS_PER_EPOCH <= warmup:
            value, weights = effective_weights(log_objective, losses)
        else:
            value, weights = effective_weights(lambda x: log_stch_objective(x, nadir, mu), losses)
            value = value - TASKS * (losses / nadir).log().max()  # the maximum that LibMTL drops
        assert_weighted(losses_file, tag, step, value, weights)


@pytest.mark.parametrize(
    ("tag", "objective"),
    [
        ("tjd_STCH_mu0.1", lambda losses: stch_objective(losses, 0.1, PREFERENCE, REFERENCE)),
        ("tjd_STCH_mu1_uniform", stch_objective),
        ("tjd_COSMOS", lambda losses: cosmos_objective(losses, PREFERENCE, 0.5)),
        ("tjd_PBI", lambda losses: pbi_objective(losses, PREFERENCE, 5.0, REFERENCE)),
    ],
)
def test_scalarizers_without_state(losses_file, tag, objective):
    for step, losses in enumerate(losses_file["L"]):
        assert_scalarized(losses_file, tag, step, *effective_weights(objective, losses))


@pytest.mark.parametrize(("tag", "check"), [("FAMO", assert_weighted), ("tjd_FAMO", assert_scalarized)])
def test_famo(losses_file, tag, check):
    state = FamoState(zeros(TASKS), zeros(TASKS), zeros(TASKS), zeros(TASKS))
    for step, losses in enumerate(losses_file["L"]):
        logits = state.logits
        check(losses_file, tag, step, *effective_weights(lambda x, logits=logits: famo_objective(x, logits), losses))
        state = famo_update(losses, losses_file["Lafter"][step], state)
        assert_equal(state.logits, losses_file[f"{tag}|state"][step], atol=1e-13)


def test_grad_norm(losses_file):
    first = epoch_means(losses_file["L"])[0]
    weights = torch.ones(TASKS).double()
    for step, (losses, grads) in enumerate(zip(losses_file["L"], losses_file["G"], strict=True)):
        if step >= STEPS_PER_EPOCH:
            assert_equal(weights, losses_file["GradNorm|w"][step])
            assert_equal(weights @ grads, losses_file["GradNorm|g"][step], atol=1e-13)
            weights = grad_norm_step(grads.norm(dim=1), losses, first, weights)
        assert_equal(weights, TASKS * losses_file["GradNorm|state"][step].softmax(dim=0))


def test_heads_of_grad_norm_have_weight_one(losses_file):
    assert_equal(losses_file["GradNorm|hg"], losses_file["H"].expand(len(losses_file["L"]), TASKS))


def test_grad_norm_of_features(losses_file):
    norms = losses_file["rep|per_grads"].sum(dim=1).norm(dim=1)
    progress = torch.tensor([1.4, 1.0, 0.6], dtype=torch.float64)  # with the signs of the fixture
    weights = grad_norm_step(norms, progress, torch.ones(TASKS).double(), torch.ones(TASKS).double(), lr=0.01)
    step = weights.log() - weights.log().mean()
    assert_equal(step, -0.01 * losses_file["rep|GradNorm|loss_scale_grad"])


def test_moco(losses_file):
    state = MoCoState(zeros(TASKS, 20), torch.full((TASKS,), 1 / TASKS).double(), zeros(TASKS))
    for step, (losses, grads) in enumerate(zip(losses_file["L"], losses_file["G"], strict=True)):
        norms = grads.norm(dim=1)
        direction, weights, state = moco_step(grads, losses * norms / (norms + EPSILON), state)
        assert_equal(weights, losses_file["MoCo|w"][step])
        assert_equal(direction, losses_file["MoCo|g"][step], atol=1e-13)


@pytest.mark.parametrize(("tag", "beta_decay"), [("DB_MTL", 0.0), ("DB_MTL_sigma0.5", 0.5)])
def test_db_mtl(losses_file, tag, beta_decay):
    state = DBMTLState(zeros(TASKS, 20), zeros(TASKS))
    for step, (losses, grads) in enumerate(zip(losses_file["L"], losses_file["G"], strict=True)):
        direction, weights, state = db_mtl_step(grads, losses, state, beta_decay=beta_decay)
        assert_equal(weights, losses_file[f"{tag}|hg"][step] / losses_file["H"])
        norms = state.averages.norm(dim=1)
        of_libmtl = norms.max() * (state.averages / (norms + EPSILON)[:, None]).sum(dim=0)
        assert_equal(of_libmtl, losses_file[f"{tag}|g"][step], atol=1e-13)
        assert_equal(direction, losses_file[f"{tag}|g"][step], rtol=1e-6, atol=1e-6)


def test_excess_of_libmtl(losses_file):
    state = ExcessState(zeros(TASKS, 20), zeros(TASKS), torch.ones(TASKS).double(), zeros(TASKS))
    for step, grads in enumerate(losses_file["G"]):
        direction, weights, state = excess_step(grads, state)
        assert_equal(weights, losses_file["ExcessMTL|w"][step])
        assert_equal(weights, losses_file["ExcessMTL|hg"][step] / losses_file["H"])
        assert_equal(direction, losses_file["ExcessMTL|g"][step], atol=1e-13)


def excess_steps(jacobians, weights, lr):
    """The weights of all steps after the first, which sets `weights`, with TorchJD's epsilon and sum."""
    tasks, length = jacobians.shape[1:]
    state = ExcessState(zeros(tasks, length), zeros(tasks), torch.ones(tasks).double(), zeros(tasks))
    _, first, state = excess_step(jacobians[0], state, lr)
    assert_equal(first, torch.ones(tasks).double())
    state = state._replace(baseline=state.baseline + 1e-7, weights=weights, steps=torch.ones(tasks))
    for jacobian in jacobians[1:]:
        _, weights, state = excess_step(jacobian, state, lr)
        yield weights / tasks


@pytest.mark.parametrize("case", [case for case in CASES if "zero" not in case])
@pytest.mark.parametrize(
    ("tag", "lr"), [("ExcessMTL_seq_w", 1.0), ("ExcessMTL_rs0.01_seq_w", 0.01), ("ExcessMTL_warm1_seq_w", 1.0)]
)
def test_excess_of_torchjd_after_its_first_step(gramians_file, tag, lr, case):
    expected = gramians_file[f"{tag}|{case}"]
    # TorchJD's first step applies the rate to values without a baseline.
    for step, weights in enumerate(excess_steps(gramians_file[f"Jseq|{case}"], expected[0], lr), start=1):
        assert_equal(weights, expected[step], rtol=1e-10, atol=1e-20)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("leak", [False, True])
def test_grad_drop(gramians_file, case, leak):
    jacobian = gramians_file[f"J|{case}"]
    leaks = torch.linspace(0, 0.5, len(jacobian), dtype=torch.float64) if leak else 0.0
    expected = gramians_file[f"GradDrop{'_leak' * leak}_agg|{case}"]
    assert_equal(grad_drop(jacobian, gramians_file[f"GradDrop_U|{case}"], leaks), expected, rtol=1e-10)
