"""From a teacher's scores to labels with the precision of files: 8-bit class ids, depth and normals in PNG steps."""

import numpy as np
import torch
from torch import Tensor

from mtl_plugins.label_spaces import VOID

CONFIDENCE_STEPS = 255  # a confidence is stored in 8 bits
NORMAL_STEPS = 127.5  # steps per unit of a component, as in functional.normals_png


def class_labels(
    probabilities: Tensor, threshold: float = 0.0, lut: Tensor | None = None, void: int = VOID
) -> tuple[Tensor, Tensor]:
    """Convert class probabilities to class ids and confidences.

    Args:
        probabilities: (N, K, H, W).
        threshold: Pixels whose probability is lower become void; 0 to 1.
        lut: Target id of each of the teacher's classes, uint8 on the same device; 255 for classes that do not exist in
            the target label space. The probabilities of classes with the same target are summed first.
        void: The id of void pixels.

    Returns:
        Class ids and confidences (255 is certain), both uint8 (N, 1, H, W).
    """
    if lut is not None:
        probabilities = merge_classes(probabilities, lut)
    best, ids = probabilities.max(dim=1, keepdim=True)
    confidence = (best * CONFIDENCE_STEPS).floor().clamp(0, CONFIDENCE_STEPS).to(torch.uint8)
    ids = ids.to(torch.uint8)
    if lut is not None:
        ids = ids.masked_fill(ids == probabilities.shape[1] - 1, void)
    return ids.masked_fill(confidence < quantised_threshold(threshold), void), confidence


def quantised_threshold(threshold: float) -> int:
    """The lowest stored confidence, in steps of 1 / 255, that reaches `threshold`."""
    return int(np.ceil(threshold * CONFIDENCE_STEPS - 1e-9))


def merge_classes(probabilities: Tensor, lut: Tensor) -> Tensor:
    """Sum probabilities (N, K, H, W) of the teacher's classes to (N, M + 1, H, W): M target classes, then void."""
    lut = lut[: probabilities.shape[1]].long()
    classes = int(lut[lut != VOID].max()) + 1 if (lut != VOID).any() else 0
    target = torch.where(lut == VOID, classes, lut)
    merged = probabilities.new_zeros(len(probabilities), classes + 1, *probabilities.shape[2:])
    return merged.index_add_(1, target, probabilities)


def depth_labels(depth: Tensor, scale: float, max_depth: float | None = None) -> Tensor:
    """Round metres to the steps of a 16-bit PNG of metres x `scale`.

    Depths beyond the PNG's range, or beyond `max_depth` metres, become 0 (no label).
    """
    steps = (depth * scale + 0.5).floor()
    limit = min(65535.0, float("inf") if max_depth is None else max_depth * scale)
    return torch.where((steps >= 1) & (steps <= limit), steps, 0) / scale


def normal_labels(normals: Tensor) -> Tensor:
    """Round unit vectors (N, 3, H, W) as an 8-bit PNG of `functional.normals_png` does."""
    x, y, z = normals.unbind(1)
    code = ((torch.stack([x, z, -y], 1).clamp(-1, 1) + 1) * NORMAL_STEPS + 0.5).floor()
    x, z, up = (code / NORMAL_STEPS - 1).unbind(1)
    decoded = torch.stack([x, -up, z], 1)
    length = decoded.square().sum(1, keepdim=True).sqrt()
    return torch.where(length < 0.5, 0.0, decoded / length.clamp(min=0.5))
