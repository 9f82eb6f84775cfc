"""The weights equal those of TorchJD 0.18 on its Gramians, or the exact solution where its solver stops early."""

import functools

import numpy as np
import pytest
import torch

from mtl_plugins.functional import balancing as bl

CASES = (
    "t2_generic t2_conflict t3_generic t3_conflict t3_parallel t3_norms t3_zero_row t4_conflict t4_dup t4_anti "
    "t7_generic t7_conflict t7_norms t7_zero_dup"
).split()
ZERO_ROWS = ("t3_zero_row", "t7_zero_dup")


@functools.cache
def load(path):
    with np.load(path) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


@pytest.fixture
def fixture(shared):
    arrays = load(shared("parity/balancing") / "gramians.npz")
    return lambda name, case: arrays[f"{name}|{case}"]


def close(actual, expected, rtol, atol=0.0):
    torch.testing.assert_close(actual, expected, rtol=rtol, atol=atol * float(expected.abs().max()))


def calls(fixture, case):
    """The Gramians of three consecutive calls."""
    return [j @ j.T for j in fixture("Jseq", case)]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scale_mode", ["min", "median", "rmse"])
def test_aligned(fixture, case, scale_mode):
    rtol = {"t7_norms": 1e-5, "t3_parallel": 1e-8}.get(case, 1e-10)
    close(bl.aligned_weights(fixture("G", case), scale_mode), fixture(f"AlignedMTL_{scale_mode}", case), rtol, 1e-10)


@pytest.mark.parametrize("case", CASES)
def test_imtl_g(fixture, case):
    rtol = {"t7_norms": 1e-7, "t3_parallel": 1e-8}.get(case, 1e-10)
    close(bl.imtl_g_weights(fixture("G", case)), fixture("IMTLG", case), rtol, 1e-12)


@pytest.mark.parametrize("case", CASES)
def test_config(fixture, case):
    jacobian = fixture("J", case)
    close(jacobian.T @ bl.config_weights(fixture("G", case)), fixture("ConFIG_agg", case), 1e-10, 1e-10)


@pytest.mark.parametrize("case", CASES)
def test_upgrad_and_dual_proj(fixture, case):
    close(bl.upgrad_weights(fixture("G", case)), fixture("UPGrad", case), 1e-9)
    close(bl.dual_proj_weights(fixture("G", case)), fixture("DualProj", case), 1e-9)


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("t2")])
def test_krum(fixture, case):
    close(bl.krum_weights(fixture("G", case), 0, 1), fixture("Krum_b0_s1", case), 1e-10)
    if not case.startswith("t3"):
        close(bl.krum_weights(fixture("G", case), 1, 2), fixture("Krum_b1_s2", case), 1e-10)


@pytest.mark.parametrize("case", CASES)
def test_cagrad(fixture, case):
    gramian, expected = fixture("G", case), fixture("CAGrad_c0.5", case)
    weights = bl.cagrad_weights(gramian, c=0.5)
    if not expected.any():  # TorchJD gives up; the exact solution is tested by its optimality conditions
        assert (gramian @ weights).abs().max() > 0
        return
    if case == "t4_dup":  # the weights of equal rows are not unique
        close(gramian @ weights, gramian @ expected, 1e-4)
        return
    close(weights, expected, 1e-4)
    tasks = len(gramian)
    radius = 0.5 * (gramian.mean()).sqrt()

    def objective(w):
        w = (w - 1 / tasks).clamp(min=0)
        w = w / w.sum()
        return w @ gramian.mean(1) + radius * (w @ gramian @ w).sqrt()

    assert objective(weights) <= objective(expected) * (1 + 1e-8)
    close(objective(weights), objective(expected), 1e-8)


@pytest.mark.parametrize("case", CASES)
def test_mgda(fixture, case):
    gramian, least = fixture("G", case), fixture("exact_MGDA_value", case)
    weights = bl.min_norm_weights(gramian)
    torch.testing.assert_close(weights @ gramian @ weights, least, rtol=1e-10, atol=1e-12 * float(gramian.trace()))
    if case not in ("t4_dup", "t7_zero_dup", "t4_anti"):  # otherwise the weights are not unique
        close(weights, fixture("exact_MGDA", case), 1e-8, 1e-10)
    if case not in ZERO_ROWS:
        assert torch.equal(bl.mgda_weights(gramian), weights)


@pytest.mark.parametrize("case", [case for case in CASES if case != "t4_anti"])
def test_nash_and_fairgrad(fixture, case):
    gramian = fixture("G", case)
    close(bl.nash_weights(gramian), fixture("exact_Nash", case).nan_to_num(), 1e-8)
    close(bl.fair_weights(gramian, 1.0), fixture("exact_Nash", case).nan_to_num(), 1e-8)
    close(bl.fair_weights(gramian, 2.0), fixture("exact_FairGrad_a2", case).nan_to_num(), 1e-8)


@pytest.mark.parametrize("case", CASES)
def test_nash_in_sequence(fixture, case):
    for gramian, expected in zip(calls(fixture, case), fixture("exact_Nash_seq", case), strict=True):
        if expected.isfinite().any():
            close(bl.nash_weights(gramian), expected.nan_to_num(), 1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case not in ("t3_norms", "t4_anti")])
def test_fairgrad_of_torchjd(fixture, case):
    kept = fixture("G", case).diagonal() > 0
    rtol = {"t7_norms": 1e-6}.get(case, 1e-8)
    close(bl.fair_weights(fixture("G", case), 1.0)[kept], fixture("FairGrad_a1", case)[kept], rtol)
    if case != "t7_norms":
        close(bl.fair_weights(fixture("G", case), 2.0)[kept], fixture("FairGrad_a2", case)[kept], 1e-8)


@pytest.mark.parametrize("case", CASES)
def test_pcgrad(fixture, case):
    gramian = fixture("G", case)
    close(bl.pcgrad_weights(gramian), fixture("PCGrad_ordered", case), 1e-10)
    order = fixture("PCGrad_seeded_order", case)
    close(bl.pcgrad_weights(gramian, order), fixture("PCGrad_seeded", case), 1e-10)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["seeded", "ordered"])
def test_gradvac(fixture, case, kind):
    targets = torch.zeros_like(fixture("G", case))
    expected = fixture(f"GradVac_{kind}_seq", case)
    # Opposite rows cancel in the first call, and TorchJD's state then contains cosines of rounding errors.
    gramians = calls(fixture, case)[: 1 if case == "t4_anti" else 3]
    for k, gramian in enumerate(gramians):
        order = fixture("GradVac_seeded_seq_order", case)[k] if kind == "seeded" else None
        weights, targets = bl.gradvac_weights(gramian, targets, beta=0.5, order=order, eps=1e-8)
        close(weights, expected[k], 1e-9 if case == "t4_anti" else 1e-10)


@pytest.mark.parametrize("case", CASES)
def test_pcd(fixture, case):
    gramian, jacobian = fixture("G", case), fixture("J", case)
    zeros, ones = torch.zeros(len(gramian)).double(), torch.ones(len(gramian))
    weights, _ = bl.pcd_weights(gramian, zeros, ones, eps=1e-8)
    close(jacobian.T @ weights, jacobian.T @ fixture("PCD_first", case), 1e-8, 1e-9)
    averages = zeros
    for k, gramian in enumerate(calls(fixture, case)):
        weights, averages = bl.pcd_weights(gramian, averages, (k + 1) * ones, eps=1e-8)
        jacobian = fixture("Jseq", case)[k]
        close(jacobian.T @ weights, jacobian.T @ fixture("PCD_seq", case)[k], 1e-8, 1e-9)


@pytest.mark.parametrize("case", CASES)
def test_modo_and_sdmgrad(fixture, case):
    tasks = len(fixture("G", case))
    weights = state = torch.full((tasks,), 1 / tasks, dtype=torch.float64)
    for k, cross in enumerate(fixture("cross", case)):
        weights = bl.modo_weights(cross, weights)
        close(weights, fixture("MoDo_seq", case)[k], 1e-10, 1e-12)
        sdm, state = bl.sdmgrad_weights(cross, state, lr=10.0, eps=1e-8)
        close(sdm, fixture("SDMGrad_seq", case)[k], 1e-8, 1e-8)


@pytest.mark.parametrize("case", CASES)
def test_smoothing(fixture, case):
    average = torch.full_like(fixture("G", case).diagonal(), torch.nan)
    for gramian, expected in zip(calls(fixture, case), fixture("CRMOGM_UPGrad_seq", case), strict=True):
        average = bl.smoothed_weights(bl.upgrad_weights(gramian), average, 0.9)
        close(average, expected, 1e-9)
