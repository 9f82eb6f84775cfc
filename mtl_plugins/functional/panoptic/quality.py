"""Panoptic quality (Kirillov et al., CVPR 2019), with the treatment of void pixels of the COCO panoptic API."""

import torch
from torch import Tensor

from .segment_ids import PANOPTIC_VOID, split_segments

_PAIR = 1 << 32  # id of a pair of segments: target * _PAIR + prediction


def panoptic_statistics(prediction: Tensor, target: Tensor, num_classes: int) -> Tensor:
    """Count the matched and unmatched segments of each image and class.

    A predicted segment matches one of the label if both have the same class and their intersection over union, without
    the pixels that are void in the label, is above 0.5. Unmatched predictions that are void in more than half of their
    pixels do not count.

    Args:
        prediction: Ids of segments, (N, 1, H, W); see `join_segments`.
        target: Ids of segments, (N, 1, H, W).
        num_classes: Number of classes.

    Returns:
        float64, (N, num_classes, 5): the sum of the IoU of the matches, their number, the unmatched predictions, the
        unmatched segments of the label, and the segments of the label that are instances and not stuff.
    """
    found = torch.zeros((len(target), num_classes, 5), dtype=torch.float64, device=target.device)
    for n in range(len(target)):
        _add_image(found[n], prediction[n].reshape(-1).long(), target[n].reshape(-1).long())
    return found


def _add_image(found: Tensor, prediction: Tensor, target: Tensor) -> None:
    predicted, predicted_pixels = prediction.unique(return_counts=True)
    labelled, labelled_pixels = target.unique(return_counts=True)
    pairs, overlap = (target * _PAIR + prediction).unique(return_counts=True)
    of_label = torch.searchsorted(labelled, pairs // _PAIR)
    of_prediction = torch.searchsorted(predicted, pairs % _PAIR)
    in_void = torch.zeros_like(predicted_pixels)
    void = labelled[of_label] == PANOPTIC_VOID
    in_void[of_prediction[void]] = overlap[void]

    same = split_segments(labelled)[0][of_label] == split_segments(predicted)[0][of_prediction]
    same &= ~void & (predicted[of_prediction] != PANOPTIC_VOID)
    union = labelled_pixels[of_label] + predicted_pixels[of_prediction] - overlap - in_void[of_prediction]
    iou = overlap.double() / union
    match = same & (2 * overlap > union)

    matched = split_segments(labelled)[0][of_label[match]]
    ones = torch.ones_like(iou)
    found[:, 0].index_add_(0, matched, iou[match])
    found[:, 1].index_add_(0, matched, ones[match])
    free = torch.ones_like(predicted, dtype=torch.bool)
    free[of_prediction[match]] = False
    free &= (predicted != PANOPTIC_VOID) & (2 * in_void <= predicted_pixels)
    _count(found[:, 2], predicted[free])
    missed = labelled != PANOPTIC_VOID
    _count(found[:, 4], labelled[missed & (split_segments(labelled)[1] > 0)])
    missed[of_label[match]] = False
    _count(found[:, 3], labelled[missed])


def _count(column: Tensor, ids: Tensor) -> None:
    classes = split_segments(ids)[0]
    column.index_add_(0, classes, torch.ones_like(classes, dtype=column.dtype))


def panoptic_scores(statistics: Tensor) -> dict[str, Tensor]:
    """Panoptic, segmentation and recognition quality of each class, in percent.

    Args:
        statistics: Sum of `panoptic_statistics` over the images, (K, 5).

    Returns:
        `PQ`, `SQ`, `RQ`: float64 (K,), NaN for classes without any segment; SQ is 0 without a match. `things`: bool
        (K,), the classes that have instances in the labels.
    """
    iou, matches, extra, missed, instances = statistics.unbind(-1)
    segments = matches + 0.5 * (extra + missed)
    exists = segments > 0
    scores = dict(PQ=iou / segments, SQ=iou / matches.clamp(min=1), RQ=matches / segments)
    percent = {name: (100 * value).masked_fill(~exists, torch.nan) for name, value in scores.items()}
    return percent | dict(things=instances > 0)
