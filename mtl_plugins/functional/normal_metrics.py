"""The angular error of surface normals, and a dataset's scores from sums and a histogram of each image."""

import torch
from torch import Tensor

from .unit_vectors import unit_vectors

#: Width of the histogram's bins in degrees. It bounds the error of the median.
BIN = 0.05
#: Number of bins from 0° to 180°.
BINS = round(180 / BIN)
#: Angles in degrees; the scores are the shares of pixels below them.
THRESHOLDS = (11.25, 22.5, 30.0)


def valid_normals(target: Tensor) -> Tensor:
    """Boolean mask (N, 1, H, W) of the pixels of unit normals (N, 3, H, W) that are finite and not (0, 0, 0)."""
    return torch.linalg.vector_norm(target.float(), dim=1, keepdim=True).gt(0.5) & target.isfinite().all(
        1, keepdim=True
    )


def angular_error(prediction: Tensor, target: Tensor) -> Tensor:
    """The angle between two vectors, in degrees.

    Args:
        prediction: Vectors of any length, (N, 3, H, W).
        target: Vectors of any length, (N, 3, H, W).

    Returns:
        float64, (N, 1, H, W), 0 to 180; 90 where one of the vectors is 0.

    Examples:
        >>> x, diagonal = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1), torch.tensor([1.0, 1, 0]).view(1, 3, 1, 1)
        >>> round(angular_error(x, diagonal).item(), 3)
        45.0
    """
    prediction, target = (unit_vectors(x.double()) for x in (prediction, target))
    return (prediction * target).sum(dim=1, keepdim=True).clamp(-1, 1).acos().rad2deg()


def normal_statistics(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sums and a histogram of each sample's angular errors, from which `normal_scores` computes the scores.

    Args:
        prediction: Vectors of any length, (N, 3, H, W).
        target: Unit normals, (N, 3, H, W); (0, 0, 0) and values that are not finite are invalid and do not count.

    Returns:
        Sums, float64, (N, 6): count, angle, angle², and the number of pixels below 11.25°, 22.5° and 30°. A histogram,
        int32, (N, 3600), of the angles in bins of 0.05°.
    """
    valid = valid_normals(target).flatten(1)
    angle = angular_error(prediction, target).flatten(1)
    angle = torch.where(valid, angle, 0)
    terms = [valid, angle, angle**2, *((angle < threshold) & valid for threshold in THRESHOLDS)]
    sums = torch.stack([term.sum(1, dtype=torch.float64) for term in terms], dim=1)
    # A NaN prediction makes the mean NaN. Here it only needs a valid index.
    bins = (angle.nan_to_num(180) / BIN).long().clamp(max=BINS - 1)
    sample = torch.arange(len(angle), device=angle.device)[:, None].expand_as(bins)
    counts = torch.bincount((sample * BINS + bins)[valid], minlength=len(angle) * BINS)
    return sums, counts.reshape(-1, BINS).int()


def normal_scores(sums: Tensor, histogram: Tensor) -> dict[str, float]:
    """The scores over all valid pixels of a dataset from the statistics of its images.

    Args:
        sums: (N, 6), see `normal_statistics`.
        histogram: (N, 3600), see `normal_statistics`.

    Returns:
        `mean`, `median` (to 0.05°) and `rmse` in degrees; `11.25`, `22.5` and `30`: percentage of pixels with a smaller
        error in degrees. All are NaN if no pixel is valid.
    """
    count, angle, square, *below = sums.sum(0)
    return {
        "mean": (angle / count).item(),
        "median": _median(histogram.sum(0, dtype=torch.int64)),
        "rmse": (square / count).sqrt().item(),
        **{f"{t:g}": (100 * n / count).item() for t, n in zip(THRESHOLDS, below, strict=True)},
    }


def _median(histogram: Tensor) -> float:
    """The middle value, or the mean of the two middle values; values are spread evenly within their bins."""
    cumulated = histogram.cumsum(0)
    total = cumulated[-1].item()
    if total == 0:
        return float("nan")
    rank = torch.tensor([(total - 1) // 2, total // 2], device=histogram.device)
    bins = torch.searchsorted(cumulated, rank, right=True)
    within = (rank - (cumulated - histogram)[bins] + 0.5).double() / histogram[bins]
    return (BIN * (bins + within)).mean().item()
