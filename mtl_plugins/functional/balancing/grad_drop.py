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
    positive, negative = jacobian.clamp(min=0), jacobian.clamp(max=0)
    ups, downs = positive.sum(dim=0), negative.sum(dim=0)
    keeps_positive = uniform * (ups - downs) < ups  # U < P, without a division by 0
    if not isinstance(leak, Tensor):
        if leak == 0:
            return torch.where(keeps_positive, ups, downs)
        leak = jacobian.new_full((len(jacobian),), leak)
    kept = torch.where(keeps_positive, (1 - leak) @ positive, (1 - leak) @ negative)
    return kept + leak @ jacobian
