"""GradDrop: one random sign per coordinate of the gradient."""

import torch
from torch import Tensor


def grad_drop(jacobian: Tensor, uniform: Tensor, leak: Tensor | float = 0.0) -> Tensor:
    """The sum of the tasks' gradients, from which each coordinate keeps only one sign.

    The purity `P = (1 + sum g / sum |g|) / 2` of a coordinate is the probability that its positive parts are kept
    (`P > U`); otherwise its negative parts are. Where all tasks agree, nothing is dropped. A coordinate that is 0 for
    all tasks stays 0, and a zero row changes nothing.

    Chen et al., "Just Pick a Sign: Optimizing Deep Multitask Models with Gradient Sign Dropout", NeurIPS 2020,
    algorithm 1, lines 10 to 15. For gradients of activations the paper also multiplies by the sign of the activation
    and sums over the batch before it computes the purity. This function treats each coordinate separately, as TorchJD
    does.

    Args:
        jacobian: One gradient per task, shape (T, D).
        uniform: `U`: uniform random numbers in [0, 1), shape (D,).
        leak: The share of each task's gradient that is never dropped, 0 to 1, shape (T,) or one number.

    Returns:
        The combined gradient, shape (D,).
    """
    ups, downs = _sums_by_sign(jacobian)
    keeps_positive = (ups - downs).mul_(uniform) < ups  # U < P, without a division by 0
    if isinstance(leak, Tensor):
        leaked, jacobian = leak @ jacobian, (1 - leak[:, None]) * jacobian
        ups, downs = _sums_by_sign(jacobian)
        return torch.where(keeps_positive, ups, downs) + leaked
    kept = torch.where(keeps_positive, ups, downs)
    return kept if leak == 0 else (1 - leak) * kept + leak * (ups + downs)


def _sums_by_sign(jacobian):
    """The sums of the positive and of the negative parts, row by row to save memory."""
    ups, downs = jacobian[0].clamp(min=0), jacobian[0].clamp(max=0)
    for row in jacobian[1:]:
        ups.add_(row.clamp(min=0))
        downs.add_(row.clamp(max=0))
    return ups, downs
