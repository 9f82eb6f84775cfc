from collections.abc import Sequence

import torch
from torch import Tensor

#: Gradients of one task at several feature maps; `None` where the task does not reach one
Row = Sequence[Tensor | None]

_LARGE = 2**20  # elements: larger gradients are converted to float32 image by image, to save memory


def gramian(rows: Sequence[Row]) -> Tensor:
    """Inner products of the tasks' gradients.

    Args:
        rows: One row per task, all of the same length.

    Returns:
        (T, T) float64, on the device of the gradients.
    """
    first = next(gradient for row in rows for gradient in row if gradient is not None)
    total = torch.zeros(len(rows), len(rows), dtype=torch.float64, device=first.device)
    for gradients in zip(*rows, strict=True):
        reached = [i for i, gradient in enumerate(gradients) if gradient is not None]
        if not reached:
            continue
        index = torch.tensor(reached, device=total.device)
        for parts in _parts([gradients[i] for i in reached]):
            flat = torch.stack([precise(part) for part in parts])
            total[index[:, None], index] += (flat @ flat.mT).double()
    return total


def norms(gramian: Tensor) -> Tensor:
    """Lengths of the gradients, (T,)."""
    return gramian.diagonal().clamp(min=0).sqrt()


def cosines(gramian: Tensor) -> Tensor:
    """Cosines between the gradients, (T, T); 0 for a gradient of length 0."""
    lengths = norms(gramian)
    product = lengths[:, None] * lengths
    return torch.where(product > 0, gramian / product.clamp(min=torch.finfo(product.dtype).tiny), 0.0).clamp(-1, 1)


def combine(rows: Sequence[Row], weights: Sequence[float]) -> list[Tensor | None]:
    """The weighted sum of the rows, column by column; `None` in a column that no task reaches."""
    return [_weighted_sum(gradients, weights) for gradients in zip(*rows, strict=True)]


def _weighted_sum(gradients, weights):
    total = None
    for gradient, weight in zip(gradients, weights, strict=True):
        if gradient is None:
            continue
        if total is None:
            total = gradient * weight
        else:
            total.add_(gradient, alpha=weight)
    return total


def _parts(gradients):
    """The gradients as flat tensors in the order of the first one's memory; large ones image by image."""
    first = gradients[0]
    gradients = [in_memory_order(gradient, first) for gradient in gradients]
    if first.ndim < 2 or first.numel() <= _LARGE:
        return [[gradient.flatten() for gradient in gradients]]
    return zip(*([image.flatten() for image in gradient] for gradient in gradients), strict=True)


def is_channels_last(gradient: Tensor) -> bool:
    """Whether a gradient is stored with its channels last."""
    return gradient.ndim == 4 and gradient.is_contiguous(memory_format=torch.channels_last)


def in_memory_order(gradient: Tensor, template: Tensor) -> Tensor:
    """A view of a gradient whose axes have the order in which `template` is stored, so that flattening copies nothing.

    Args:
        gradient: The gradient.
        template: A gradient of the same shape.
    """
    return gradient.movedim(1, -1) if is_channels_last(template) else gradient


def precise(values: Tensor) -> Tensor:
    """Values in float32, or in float64 if they are."""
    return values if values.dtype == torch.float64 else values.float()
