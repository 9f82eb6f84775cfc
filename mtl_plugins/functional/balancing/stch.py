"""Smooth Tchebycheff scalarization: a smooth maximum of the losses.

Lin et al., "Smooth Tchebycheff Scalarization for Multi-Objective Optimization", ICML 2024. The paper's equation and the
authors' code for multi-task networks are different objectives. Both are here.
"""

from torch import Tensor

from .positive_log import positive_log


def stch_objective(
    losses: Tensor, mu: float = 1.0, preference: Tensor | None = None, reference: Tensor | float = 0.0
) -> Tensor:
    """The paper's objective `mu log sum exp(p (L - z) / mu)` (eq. 10), as in TorchJD.

    The weight of a task is `p softmax(p (L - z) / mu)`. For small `mu` only the task with the largest `p (L - z)` is
    trained, so the losses should be of similar size. The objective is finite for any finite losses.

    Args:
        losses: The losses `L` of the tasks, shape (T,).
        mu: Smoothing, above 0. The objective approaches the maximum as `mu` approaches 0.
        preference: `p`, shape (T,). None means 1 / T each.
        reference: The ideal point `z`: a lower bound of each loss, shape (T,), or one number for all.
    """
    weights = 1.0 / len(losses) if preference is None else preference
    return mu * (weights * (losses - reference) / mu).logsumexp(dim=0)


def log_stch_objective(losses: Tensor, nadir: Tensor, mu: float = 1.0) -> Tensor:
    """The objective of the authors' code `T mu log sum exp(x / mu)` with `x = log(L / nadir)`, as in LibMTL.

    The weight of a task is `T softmax(x / mu) / L`, so the objective does not depend on the unit of a loss. For `mu =
    1` it is `T log sum(L / nadir)`. LibMTL's value is smaller by `T max(x)`, a constant for its gradient, which is the
    same. A loss of 0 has weight 0.

    Args:
        losses: Non-negative losses `L` of the tasks, shape (T,).
        nadir: The mean loss of each task over the warm-up, shape (T,).
        mu: Smoothing, above 0.
    """
    return len(losses) * mu * ((positive_log(losses) - positive_log(nadir)) / mu).logsumexp(dim=0)


def log_objective(losses: Tensor) -> Tensor:
    """The sum of the logarithms of the losses: the objective before `log_stch_objective` knows its nadir.

    The weight of a task is `1 / L`, and 0 if the loss is 0.

    Args:
        losses: Non-negative losses of the tasks, shape (T,).
    """
    return positive_log(losses).sum()
