"""From a teacher's scores to labels as files have them: ids of 8 bits, depth and normals in PNG's steps."""

import numpy as np
import torch
from torch import Tensor

CONFIDENCE_STEPS = 255  # a confidence is kept in 8 bits
NORMAL_STEPS = 127.5  # of a component, as functional.normals_png has them


def class_labels(
    probabilities: Tensor, threshold: float = 0.0, lut: Tensor | None = None, void: int = 255
) -> tuple[Tensor, Tensor]:
    """Class ids (N, 1, H, W) uint8 and confidence (N, 1, H, W) uint8, 255 sure, of probabilities (N, K, H, W).

    Args:
        threshold: 0 ... 1; pixels less sure are void.
        lut: ids of the teacher's classes in the dataset's label space, 255 where it has none (uint8, on the device);
            the probabilities of teachers' classes that become one class are added first.
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
    """The least confidence, in steps of 1 / 255, that counts as at least ``threshold``."""
    return int(np.ceil(threshold * CONFIDENCE_STEPS - 1e-9))


def merge_classes(probabilities: Tensor, lut: Tensor) -> Tensor:
    """Probabilities (N, K, H, W) over the teacher's classes to (N, M + 1, H, W): the map's M classes, then void."""
    lut = lut[: probabilities.shape[1]].long()
    classes = int(lut[lut != 255].max()) + 1 if (lut != 255).any() else 0
    target = torch.where(lut == 255, classes, lut)
    merged = probabilities.new_zeros(len(probabilities), classes + 1, *probabilities.shape[2:])
    return merged.index_add_(1, target, probabilities)


def depth_labels(depth: Tensor, scale: float, max_depth: float | None = None) -> Tensor:
    """Metres in the steps of a 16-bit PNG of metres x ``scale``; beyond its range, or ``max_depth``, 0 (no label)."""
    steps = (depth * scale + 0.5).floor()
    limit = min(65535.0, float("inf") if max_depth is None else max_depth * scale)
    return torch.where((steps >= 1) & (steps <= limit), steps, 0) / scale


def normal_labels(normals: Tensor) -> Tensor:
    """Unit vectors (N, 3, H, W) as they come back from an 8-bit PNG of ``functional.normals_png``."""
    x, y, z = normals.unbind(1)
    code = ((torch.stack([x, z, -y], 1).clamp(-1, 1) + 1) * NORMAL_STEPS + 0.5).floor()
    x, z, up = (code / NORMAL_STEPS - 1).unbind(1)
    decoded = torch.stack([x, -up, z], 1)
    length = decoded.square().sum(1, keepdim=True).sqrt()
    return torch.where(length < 0.5, 0.0, decoded / length.clamp(min=0.5))
