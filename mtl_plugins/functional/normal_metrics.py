"""Angular error of surface normals, and the scores of a set from sums and a histogram of each image."""

import torch

from .unit_vectors import unit_vectors

BIN = 0.05  # degrees; the median is read from the histogram, so this bounds its error
BINS = round(180 / BIN)
THRESHOLDS = (11.25, 22.5, 30.0)  # degrees


def valid_normals(target):
    """(N, 1, H, W) bool: where a target (N, 3, H, W) of unit vectors is finite and not (0, 0, 0)."""
    return torch.linalg.vector_norm(target.float(), dim=1, keepdim=True).gt(0.5) & target.isfinite().all(
        1, keepdim=True
    )


def angular_error(prediction, target):
    """Angle (N, 1, H, W) in degrees, float64, of vectors (N, 3, H, W) of any length; 90 where one is 0."""
    prediction, target = (unit_vectors(x.double()) for x in (prediction, target))
    return (prediction * target).sum(dim=1, keepdim=True).clamp(-1, 1).acos().rad2deg()


def normal_statistics(prediction, target):
    """What :func:`normal_scores` needs of each sample, over its valid pixels.

    Returns sums (N, 6) float64 — count, angle, angle², pixels below 11.25°, 22.5° and 30° — and a histogram
    (N, 3600) int32 of the angles, in bins of 0.05°.
    """
    valid = valid_normals(target).flatten(1)
    angle = angular_error(prediction, target).flatten(1)
    angle = torch.where(valid, angle, 0)
    terms = [valid, angle, angle**2, *((angle < threshold) & valid for threshold in THRESHOLDS)]
    sums = torch.stack([term.sum(1, dtype=torch.float64) for term in terms], dim=1)
    # a prediction that is not a number makes the mean NaN; here it must merely not break the index
    bins = (angle.nan_to_num(180) / BIN).long().clamp(max=BINS - 1)
    sample = torch.arange(len(angle), device=angle.device)[:, None].expand_as(bins)
    counts = torch.bincount((sample * BINS + bins)[valid], minlength=len(angle) * BINS)
    return sums, counts.reshape(-1, BINS).int()


def normal_scores(sums, histogram):
    """Scores over all valid pixels of a set, from the statistics (N, 6) and (N, 3600) of its images.

    ``mean``, ``median`` (to 0.05°) and ``rmse`` in degrees; ``11.25``, ``22.5``, ``30``: percent of the
    pixels with a smaller error than so many degrees. NaN with no valid pixel.
    """
    count, angle, square, *below = sums.sum(0)
    return {
        "mean": (angle / count).item(),
        "median": _median(histogram.sum(0, dtype=torch.int64)),
        "rmse": (square / count).sqrt().item(),
        **{f"{t:g}": (100 * n / count).item() for t, n in zip(THRESHOLDS, below, strict=True)},
    }


def _median(histogram):
    """Mean of the two middle values (one, twice, if their number is odd), spread evenly within their bins."""
    cumulated = histogram.cumsum(0)
    total = cumulated[-1].item()
    if total == 0:
        return float("nan")
    rank = torch.tensor([(total - 1) // 2, total // 2], device=histogram.device)
    bins = torch.searchsorted(cumulated, rank, right=True)
    within = (rank - (cumulated - histogram)[bins] + 0.5).double() / histogram[bins]
    return (BIN * (bins + within)).mean().item()
