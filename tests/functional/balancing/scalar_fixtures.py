"""The published numbers of LibMTL and TorchJD for loss weightings and gradient memories."""

import numpy as np
import torch

STEPS_PER_EPOCH = 20
FOLDER = "parity/balancing"


def load(folder, name):
    """All arrays of a fixture as tensors, by key."""
    with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays}


def effective_weights(objective, losses):
    """The value of an objective, and its derivative with respect to the losses."""
    losses = losses.detach().clone().requires_grad_()
    value = objective(losses)
    (weights,) = torch.autograd.grad(value, losses)
    return value.detach(), weights


def epoch_means(losses):
    """The mean losses of each epoch, shape (E, T)."""
    return losses.unflatten(0, (-1, STEPS_PER_EPOCH)).mean(dim=1)


def assert_equal(actual, expected, rtol=1e-12, atol=1e-14):
    torch.testing.assert_close(actual, expected, rtol=rtol, atol=atol)
