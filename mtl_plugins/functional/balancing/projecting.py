import math

import numpy as np
import torch
from torch import Tensor

_LARGEST_TARGET = 0.999  # of the cosine; at 1 the correction would be infinite
_ROUNDING = 1e-7  # a vector of this length, relative to the sum of its terms' lengths, counts as zero


def pcgrad_weights(gramian: Tensor, order: Tensor | None = None, eps: float = 0.0) -> Tensor:
    """The weights of PCGrad: each gradient loses what conflicts with the others, and the results are added.

    Gradient i visits the other gradients in random order. If the inner product with `g_j` is negative, it is projected
    on the plane orthogonal to `g_j`.

    Reference: Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS 2020, Algorithm 1.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row conflicts with nothing and keeps weight 1.
        order: The tasks in the order in which each task i visits them, (T, T) or (T, T-1); i itself is skipped. By
            default ascending.
        eps: Added to `|g_j|^2`; LibMTL adds 1e-8.

    Returns:
        Weights (T,) of at least 1; they are 1 if no pair conflicts.
    """
    g = gramian.numpy()
    kept = np.eye(len(g))  # row i: the coefficients of the projected gradient i
    for i, visited in enumerate(_order(order, len(g))):
        for j in visited:
            product = g[j] @ kept[i]
            if j != i and product < 0 and g[j, j] > 0:
                kept[i, j] -= product / (g[j, j] + eps)
    return torch.from_numpy(kept.sum(0))


def gradvac_weights(
    gramian: Tensor, targets: Tensor, beta: float = 0.5, order: Tensor | None = None, eps: float = 0.0
) -> tuple[Tensor, Tensor]:
    """The weights of GradVac: like PCGrad, but each pair of gradients is brought to its usual cosine.

    If the cosine of gradient i with `g_j` is below `targets[i, j]`, as much of `g_j` is added as gives that cosine.
    Each visit moves the target by the share `beta` to the cosine found.

    Reference: Wang et al., Gradient Vaccine, ICLR 2021, Algorithm 1.

    Args:
        gramian: The Gramian `J J^T`, (T, T), in float64. A zero row keeps weight 1 and leaves its targets unchanged.
        targets: The moving averages of the cosines, (T, T), at first 0. Row i belongs to gradient i.
        beta: The share of the new cosine in the moving average, 0 to 1.
        order: As in `pcgrad_weights`.
        eps: Added to the two denominators; TorchJD adds 1e-8.

    Returns:
        Weights (T,) of at least 1, and the new targets (T, T).
    """
    g = gramian.numpy()
    averages = targets.numpy().copy()
    norms = np.sqrt(np.maximum(np.diag(g), 0))
    kept = np.eye(len(g))
    for i, visited in enumerate(_order(order, len(g))):
        for j in visited:
            length = math.sqrt(max(kept[i] @ g @ kept[i], 0))
            if j == i or norms[j] == 0 or length <= _ROUNDING * (np.abs(kept[i]) @ norms):
                continue
            cosine = min(max((g[j] @ kept[i]) / (length * norms[j] + eps), -1), 1)
            target = min(averages[i, j], _LARGEST_TARGET)
            if cosine < target:
                sine, target_sine = math.sqrt(1 - cosine**2), math.sqrt(1 - target**2)
                kept[i, j] += length * (target * sine - cosine * target_sine) / (norms[j] * target_sine + eps)
            averages[i, j] = (1 - beta) * averages[i, j] + beta * cosine
    return torch.from_numpy(kept.sum(0)), torch.from_numpy(averages)


def _order(order: Tensor | None, tasks: int) -> list[list[int]]:
    return [list(range(tasks))] * tasks if order is None else order.tolist()
