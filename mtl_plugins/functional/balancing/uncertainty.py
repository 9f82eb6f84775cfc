"""Learned scales of the losses: uncertainty weighting and the loss part of IMTL."""

from torch import Tensor


def uncertainty_objective(losses: Tensor, log_variances: Tensor) -> Tensor:
    """Uncertainty weighting: sum of `exp(-s) L / 2 + s / 2` with a learned log variance `s` per task.

    The weight of a task is `exp(-s) / 2`. It is optimal at `1 / (2 L)`, so the method gives all tasks the same weighted
    loss. Both terms of an absent task must be left out: with `L = 0`, `s` would fall without end. The same holds for a
    loss that stays exactly 0.

    Kendall et al., "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics", CVPR 2018.
    Their eq. 7 has this form for regression, and `exp(-s) L + s / 2` for classification. Like LibMTL and TorchJD, this
    function uses one form for all tasks.

    Args:
        losses: The losses `L` of the tasks, shape (T,).
        log_variances: `s`, shape (T,). They start at 0 in TorchJD and at -0.5 in LibMTL.
    """
    return (0.5 * (-log_variances).exp() * losses + 0.5 * log_variances).sum()


def imtl_l_objective(losses: Tensor, log_scales: Tensor) -> Tensor:
    """The loss part of IMTL: sum of `exp(s) L - s` with a learned log scale `s` per task.

    Equals twice `uncertainty_objective` of `-s`. The weight of a task is `exp(s)`, optimal at `1 / L`.

    Liu et al., "Towards Impartial Multi-Task Learning", ICLR 2021, eq. 8.

    Args:
        losses: The losses `L` of the tasks, shape (T,).
        log_scales: `s`, shape (T,). They start at 0.
    """
    return (log_scales.exp() * losses - log_scales).sum()
