"""Where a network's computation goes: its operations, and the time of its parts."""

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mtl_plugins.kernels import without_kernels
from mtl_plugins.models import MultiTaskModel

from .stopwatch import Stopwatch
from .timing import WARM_UP, synchronizer


@torch.inference_mode()
def count_flops(model: MultiTaskModel, images: Tensor) -> int:
    """Floating-point operations of a forward pass; a multiplication and an addition count as two.

    Args:
        model: The model.
        images: Normalised images, (N, 3, H, W).
    """
    with FlopCounterMode(display=False) as counter, without_kernels():
        model.outputs(images)
    return counter.get_total_flops()


def count_parameters(module: nn.Module) -> int:
    """Number of parameters of a module."""
    return sum(parameter.numel() for parameter in module.parameters())


@torch.inference_mode()
def part_shares(model: MultiTaskModel, images: Tensor, steps: int = 3) -> dict[str, float]:
    """Shares of the time of eager prediction, from 0 to 1.

    Args:
        model: The model.
        images: Normalised images, (N, 3, H, W).
        steps: Number of predictions to time.

    Returns:
        The shares of `backbone`, `neck`, each head (by its task), and each head's maps at image size.
    """
    watch, dataset = Stopwatch(synchronizer(model)), next(iter(model.datasets), None)
    parts = [("backbone", model.backbone, "forward"), ("neck", model.neck, "forward")]
    parts += [(task, head, "forward") for task, head in model.heads.items()]
    parts += [(f"{task} at image size", head, "predict") for task, head in model.heads.items()]
    with watch.watching([part for part in parts if part[1] is not None]):
        for step in range(WARM_UP + steps):
            if step == WARM_UP:
                watch.seconds.clear()
            model.predict_maps(images, (images.shape[-2], images.shape[-1]), dataset)
    total = sum(watch.seconds.values())
    return {part: seconds / total for part, seconds in watch.seconds.items()}
