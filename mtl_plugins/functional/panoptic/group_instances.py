"""Grouping the pixels of objects by predicted centres and offsets, as in Panoptic-DeepLab."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .segment_ids import INSTANCES_PER_CLASS, PANOPTIC_VOID

_CHUNK = 1 << 22  # distances that are computed together


def find_centres(heat: Tensor, threshold: float = 0.1, window: int = 7, most: int = 200) -> Tensor:
    """The local maxima of a heat map of centres.

    Args:
        heat: (H, W).
        threshold: Smallest value of a centre.
        window: A centre is the maximum of a square of this many pixels, an odd number.
        most: Largest number of centres; the highest are kept.

    Returns:
        Rows and columns, int64 (M, 2), from top to bottom and left to right.
    """
    largest = F.max_pool2d(heat[None, None], window, stride=1, padding=window // 2)[0, 0]
    places = ((heat == largest) & (heat > threshold)).nonzero()
    order = heat[places[:, 0], places[:, 1]].argsort(descending=True, stable=True)
    return places[order[:most].sort().values]


def group_instances(things: Tensor, centres: Tensor, offsets: Tensor) -> Tensor:
    """Assign each pixel of an object to the centre that is nearest to where its offset points.

    Args:
        things: The pixels that belong to objects, bool (H, W).
        centres: Rows and columns of the centres, (M, 2).
        offsets: From each pixel to its centre, in pixels, (2, H, W).

    Returns:
        int64, (H, W): the number of the centre from 1, or 0 for pixels that belong to no object, and for all pixels if
        there is no centre.
    """
    numbers = torch.zeros(things.shape, dtype=torch.int64, device=things.device)
    if not len(centres) or not bool(things.any()):
        return numbers
    places = things.nonzero()
    targets = places.to(offsets.dtype) + offsets[:, things].T
    wanted = centres.to(offsets.dtype)
    nearest = [
        (part[:, None] - wanted).square().sum(-1).argmin(1) for part in targets.split(max(1, _CHUNK // len(centres)))
    ]
    numbers[things] = torch.cat(nearest) + 1
    return numbers


def panoptic_map(scores: Tensor) -> Tensor:
    """Panoptic segmentation from scores: classes, centres and offsets become segments.

    All pixels of an object get the class of most of its pixels. Pixels of objects without any centre are void.

    Args:
        scores: (N, 2 K + 3, H, W): the probabilities that a pixel belongs to an object of each class, and to stuff of
            each class; the heat map of the centres; and the offsets to them in pixels, rows and columns.

    Returns:
        Ids of segments, int32 (N, 1, H, W); see `join_segments`.
    """
    num_classes = (scores.shape[1] - 3) // 2
    best = scores[:, : 2 * num_classes].argmax(1)
    things, classes = best < num_classes, best % num_classes
    ids = classes * INSTANCES_PER_CLASS
    for n in range(len(scores)):
        centres = find_centres(scores[n, -3])
        numbers = group_instances(things[n], centres, scores[n, -2:])[things[n]]
        if not len(centres):
            ids[n][things[n]] = PANOPTIC_VOID
            continue
        votes = torch.zeros((len(centres) + 1, num_classes), dtype=torch.int64, device=scores.device)
        ones = torch.ones_like(numbers)
        votes.index_put_((numbers, classes[n][things[n]]), ones, accumulate=True)
        ids[n][things[n]] = votes.argmax(1)[numbers] * INSTANCES_PER_CLASS + numbers
    return ids[:, None].to(torch.int32)
