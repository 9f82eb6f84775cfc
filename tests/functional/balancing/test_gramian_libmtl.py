"""The shared gradients `J^T w` equal those of LibMTL over 60 steps, or are exact where its solver stops early."""

import functools

import numpy as np
import pytest
import torch

from mtl_plugins.functional import balancing as bl

STEPS, TASKS = 60, 3


@functools.cache
def load(path):
    with np.load(path) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


@pytest.fixture
def fixture(shared):
    return load(shared("parity/balancing") / "losses.npz")


def check(fixture, tag, weights, rtol, factors=1.0):
    """Compare `factors * J^T w` with the stored gradient of each step, relative to its norm."""
    ours = torch.einsum("st,std->sd", weights * factors, fixture["G"])
    theirs = fixture[f"{tag}|g"]
    error = (ours - theirs).norm(dim=1) / theirs.norm(dim=1)
    assert error.max() <= rtol


def each_step(fixture, function):
    return torch.stack([function(step, jacobian @ jacobian.T) for step, jacobian in enumerate(fixture["G"])])


def head_weights(fixture, tag):
    return fixture[f"{tag}|hg"] / fixture["H"]


def objective(weights, gramians):
    """What CAGrad minimises with c = 0.5, one value per step."""
    linear = (gramians.mean(2) * weights).sum(1)
    return linear + 0.5 * (gramians.mean((1, 2)) * torch.einsum("si,sij,sj->s", weights, gramians, weights)).sqrt()


@pytest.mark.parametrize("rescale", [0, 1, 2])
def test_cagrad(fixture, rescale):
    weights = each_step(fixture, lambda _, g: bl.cagrad_weights(g, 0.5, rescale))
    check(fixture, f"CAGrad_r{rescale}", weights, 3e-4)
    if rescale == 0:
        on_simplex = weights - 1 / TASKS
        on_simplex = on_simplex / on_simplex.sum(1, keepdim=True)
        torch.testing.assert_close(on_simplex, fixture["CAGrad_r0|w"], rtol=0, atol=2e-4)
        gramians = fixture["G"] @ fixture["G"].mT
        assert (objective(on_simplex, gramians) <= objective(fixture["CAGrad_r0|w"], gramians) + 1e-12).all()


@pytest.mark.parametrize("alpha", [1, 2])
def test_fairgrad_weights_its_heads(fixture, alpha):
    tag = "FairGrad" if alpha == 1 else "FairGrad_a2"
    weights = each_step(fixture, lambda _, g: bl.fair_weights(g, alpha))
    check(fixture, tag, weights, 1e-9)
    torch.testing.assert_close(head_weights(fixture, tag), weights, rtol=1e-8, atol=0)


def test_upgrad(fixture):
    check(fixture, "UPGrad", each_step(fixture, lambda _, g: bl.upgrad_weights(g)), 1e-9)


def test_pcgrad(fixture):
    weights = each_step(fixture, lambda step, g: bl.pcgrad_weights(g, fixture["PCGrad|order"][step], eps=1e-8))
    check(fixture, "PCGrad", weights, 1e-12)


def test_gradvac(fixture):
    targets = torch.zeros(TASKS, TASKS, dtype=torch.float64)
    for step, jacobian in enumerate(fixture["G"]):
        order = fixture["GradVac|order"][step]
        weights, targets = bl.gradvac_weights(jacobian @ jacobian.T, targets, 0.5, order, eps=1e-8)
        torch.testing.assert_close(jacobian.T @ weights, fixture["GradVac|g"][step], rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(targets.flatten(), fixture["GradVac|state"][step], rtol=1e-10, atol=1e-10)


def test_nash_is_exact_and_weights_its_heads(fixture):
    weights = each_step(fixture, lambda _, g: bl.nash_weights(g))
    torch.testing.assert_close(weights, fixture["exact_Nash|w"], rtol=1e-8, atol=0)
    direction = torch.einsum("st,std->sd", weights, fixture["G"])
    torch.testing.assert_close(direction.norm(dim=1), torch.full((STEPS,), TASKS**0.5, dtype=torch.float64))


@pytest.mark.parametrize("normalisation", bl.NORMALISATIONS)
def test_mgda(fixture, normalisation):
    """LibMTL multiplies the normalised gradients by the weights; Sener and Koltun only normalise to find them."""
    losses, factors = fixture["L"], []

    def weights(step, gramian):
        factors.append(bl.normalised_gramian(gramian, losses[step], normalisation)[1])
        return bl.mgda_weights(gramian, losses[step], normalisation)

    found = each_step(fixture, weights)
    torch.testing.assert_close(found, fixture[f"MGDA_{normalisation}|w"], rtol=0, atol=2e-4)
    if normalisation == "none":
        torch.testing.assert_close(found, fixture["exact_MGDA|w"], rtol=1e-8, atol=1e-10)
    check(fixture, f"MGDA_{normalisation}", found, 2e-3, torch.stack(factors))


def test_imtl_g_after_imtl_l(fixture):
    """IMTL balances the losses first, so the gradients of IMTL-G are those of `exp(s) L`."""
    scales = head_weights(fixture, "IMTL")

    def weights(step, gramian):
        return bl.imtl_g_weights(scales[step][:, None] * gramian * scales[step])

    found = each_step(fixture, weights)
    torch.testing.assert_close(found, fixture["IMTL|w"], rtol=1e-10, atol=1e-12)
    check(fixture, "IMTL", found, 1e-10, scales)


def test_modo(fixture):
    weights = torch.full((TASKS,), 1 / TASKS, dtype=torch.float64)
    for step in range(STEPS):
        cross = fixture["G"][step] @ fixture["G2"][step].T
        weights = bl.modo_weights(cross, weights, gamma=1e-3, rho=0.1)
        torch.testing.assert_close(fixture["G3"][step].T @ weights, fixture["MoDo|g"][step], rtol=1e-10, atol=1e-12)


def test_sdmgrad(fixture):
    state = torch.full((TASKS,), 1 / TASKS, dtype=torch.float64)
    for step in range(STEPS):
        cross = fixture["G2"][step] @ fixture["G3"][step].T
        weights, state = bl.sdmgrad_weights(cross, state, lr=5.0, eps=0)
        torch.testing.assert_close(state, fixture["SDMGrad|state"][step], rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(fixture["G"][step].T @ weights, fixture["SDMGrad|g"][step], rtol=1e-8, atol=1e-8)
