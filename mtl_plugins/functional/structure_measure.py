"""S-measure of saliency maps."""

import torch
from torch import Tensor

_EPS = 1e-12


def structure_measure(prediction: Tensor, salient: Tensor, valid: Tensor, alpha: float = 0.5) -> Tensor:
    """How well a saliency map preserves the structure of an object, from 0 to 1.

    Fan et al., "Structure-measure: a new way to evaluate foreground maps", ICCV 2017. The measure is `alpha` times the
    similarity of object and background (equations 5 and 6) plus 1 - `alpha` times the similarity of the four regions
    around the centroid of the object (equation 10). Only valid pixels count.

    Args:
        prediction: Probabilities, float64 (H, W).
        salient: Ground truth, bool (H, W).
        valid: bool (H, W).
        alpha: Weight of the object part.

    Returns:
        A scalar; 0 without valid pixels.
    """
    pixels = valid.sum()
    if not pixels:
        return prediction.new_zeros(())
    salient = salient & valid
    mean = prediction[valid].mean()
    area = salient.sum() / pixels
    if area == 0:
        return 1 - mean
    if area == 1:
        return mean
    foreground, background = prediction[salient], 1 - prediction[valid & ~salient]
    of_objects = area * _object_similarity(foreground) + (1 - area) * _object_similarity(background)
    return (alpha * of_objects + (1 - alpha) * _region_similarity(prediction, salient, valid)).clamp(min=0)


def _object_similarity(values: Tensor) -> Tensor:
    mean = values.mean()
    deviation = values.std() if len(values) > 1 else values.new_zeros(())
    return 2 * mean / (mean.square() + 1 + deviation + _EPS)


def _region_similarity(prediction: Tensor, salient: Tensor, valid: Tensor) -> Tensor:
    rows, columns = salient.nonzero(as_tuple=True)
    # the centroid belongs to the upper left region; MATLAB counts from 1 and rounds half up
    row, column = (int(index.double().mean().add(1.5).floor()) for index in (rows, columns))
    total = prediction.new_zeros(())
    for vertical in (slice(None, row), slice(row, None)):
        for horizontal in (slice(None, column), slice(column, None)):
            known = valid[vertical, horizontal]
            values = prediction[vertical, horizontal][known]
            total = total + len(values) * _similarity(values, salient[vertical, horizontal][known].to(values.dtype))
    return total / valid.sum()


def _similarity(values: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of two lists of values."""
    if not len(values):
        return values.new_zeros(())
    mean, true_mean = values.mean(), truth.mean()
    off, true_off = values - mean, truth - true_mean
    divisor = len(values) - 1 + _EPS
    variances = (off.square().sum() + true_off.square().sum()) / divisor
    numerator = 4 * mean * true_mean * (off * true_off).sum() / divisor
    denominator = (mean.square() + true_mean.square()) * variances
    if numerator != 0:
        return numerator / (denominator + _EPS)
    return torch.ones_like(mean) if denominator == 0 else torch.zeros_like(mean)
