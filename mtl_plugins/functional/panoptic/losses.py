"""The three losses of Panoptic-DeepLab on a raw output: K class logits, the centre's heat map, two offsets."""

import torch.nn.functional as F
from torch import Tensor

from mtl_plugins.functional.losses.cross_entropy import cross_entropy
from mtl_plugins.functional.losses.masking import masked_mean, target_like

from .segment_ids import PANOPTIC_VOID, split_segments
from .targets import centre_heat_map, instance_offsets


def class_loss(raw: Tensor, ids: Tensor) -> Tensor:
    """Mean cross-entropy of the classes over the pixels that are not void.

    Args:
        raw: Raw output, (N, K + 3, H, W).
        ids: Ids of segments, (N, 1, H, W).
    """
    return cross_entropy(raw[:, :-3], split_segments(ids)[0])


def centre_loss(raw: Tensor, ids: Tensor, sigma: float) -> Tensor:
    """Mean squared error of the centres' heat map over the pixels that are not void.

    Args:
        raw: As for `class_loss`.
        ids: As for `class_loss`.
        sigma: As for `centre_heat_map`.
    """
    heat = centre_heat_map(ids, sigma)
    centres = raw[:, -3:-2]
    squares = F.mse_loss(centres, target_like(centres, heat.to(raw.dtype)), reduction="none")
    return masked_mean(squares, ids != PANOPTIC_VOID)


def offset_loss(raw: Tensor, ids: Tensor) -> Tensor:
    """Mean absolute error of the offsets over the pixels of instances, as a share of the image's size.

    Args:
        raw: As for `class_loss`.
        ids: As for `class_loss`.
    """
    offsets, things = instance_offsets(ids)
    found = raw[:, -2:]
    return masked_mean((found - target_like(found, offsets.to(raw.dtype))).abs(), things)
