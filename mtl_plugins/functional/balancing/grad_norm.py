"""GradNorm: weights that let the tasks train at similar rates, from the norms of their gradients."""

import torch
from torch import Tensor


def grad_norm_step(
    norms: Tensor, losses: Tensor, first_losses: Tensor, weights: Tensor, alpha: float = 1.5, lr: float = 0.025
) -> Tensor:
    """The weights after one step of gradient descent on GradNorm's loss.

    With `p = T softmax(s)`, the loss is `sum |p n - target|`, where `target = mean(p n) r^alpha` is constant for the
    gradient and `r` is `losses / first_losses` divided by its mean. `s` takes the step. Because the softmax ignores a
    common offset, `p` contains all of the state. The new weights sum to T. Apply the weights from before the step to
    the gradients, as the paper does.

    The step is proportional to `norms`. Divide `lr` by the mean weighted norm to make it independent of their unit.

    A task with a zero norm adds nothing to the gradient of the loss. A task whose first loss is 0 counts as trained at
    the average rate.

    Chen et al., "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask Networks", ICML 2018,
    algorithm 1. The softmax is LibMTL's. The paper descends on `p` itself and scales it to the sum T after each step.

    Args:
        norms: The norm `n` of the unweighted gradient of each task, shape (T,).
        losses: The losses of this step, shape (T,).
        first_losses: The losses at the start of training, shape (T,). LibMTL takes the mean of the first epoch.
        weights: `p` before the step, positive and of the sum T, shape (T,).
        alpha: How strongly a task that trains slowly is favoured.
        lr: The learning rate.
    """
    known = first_losses > 0
    progress = torch.where(known, losses.clamp(min=0) / torch.where(known, first_losses, 1.0), 0.0)
    average = progress.sum() / known.sum().clamp(min=1)
    progress = torch.where(known & (average > 0), progress / torch.where(average > 0, average, 1.0), 1.0)

    weighted = weights * norms
    target = weighted.mean() * progress**alpha
    grad = (weighted - target).sign() * weighted  # with respect to log(p)
    grad = grad - weights * grad.mean()  # with respect to s
    return len(weights) * (weights.log() - lr * grad).softmax(dim=0)
