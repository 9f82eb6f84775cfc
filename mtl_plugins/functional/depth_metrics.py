"""The scores of depth maps, computed from sums over the pixels of each image."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

#: Eigen et al., NeurIPS 2014: rows 45 to 471 and columns 41 to 601 of 480 × 640, as shares of height and width.
EIGEN_CROP = (45 / 480, 471 / 480, 41 / 640, 601 / 640)
#: Garg et al., ECCV 2016, for KITTI, as shares of height and width.
GARG_CROP = (0.40810811, 0.99189189, 0.03594771, 0.96405229)
#: The base of the accuracies `delta1` to `delta3`.
DELTA_BASE = 1.25


def eigen_crop_mask(height: int, width: int, device: torch.device | str | None = None) -> Tensor:
    """Boolean mask (H, W) of Eigen's crop: rows 45:471 and columns 41:601 of 480 × 640, scaled to other sizes."""
    return _crop_mask(height, width, [round(f * n) for f, n in _edges(EIGEN_CROP, height, width)], device)


def garg_crop_mask(height: int, width: int, device: torch.device | str | None = None) -> Tensor:
    """Boolean mask (H, W) of Garg's crop for KITTI; edges are rounded down, as in monodepth's evaluation."""
    return _crop_mask(height, width, [int(f * n) for f, n in _edges(GARG_CROP, height, width)], device)


#: The crops that can be named in a config.
CROPS: dict[str, Callable[..., Tensor]] = {"eigen": eigen_crop_mask, "garg": garg_crop_mask}


def evaluated_pixels(target: Tensor, min_depth: float, max_depth: float, crop: str | None = None) -> Tensor:
    """Boolean mask of the pixels with min_depth < target < max_depth, inside the crop if there is one.

    The bounds are exclusive, as in the evaluation code of monodepth and BTS. 0, NaN and infinity are never evaluated.

    Args:
        target: Depth in metres, (…, H, W).
        min_depth: Metres.
        max_depth: Metres.
        crop: A key of `CROPS`.
    """
    valid = (target > min_depth) & (target < max_depth)
    return valid if crop is None else valid & CROPS[crop](*target.shape[-2:], device=target.device)


def depth_statistics(prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Sums over each sample's valid pixels, from which `depth_scores` computes the scores.

    Args:
        prediction: Depth in metres, (N, …); positive where valid.
        target: Depth in metres, (N, …); positive where valid.
        valid: Boolean, (N, …).

    Returns:
        float64, (N, 9). With e = prediction − target and d = log prediction − log target, the columns are the count,
        e², d², |e| / target, e² / target, d, and the number of pixels with max(prediction / target, target /
        prediction) below 1.25, 1.25² and 1.25³.
    """
    prediction = torch.where(valid, prediction, 1).double()
    target = torch.where(valid, target, 1).double()  # now invalid pixels have no error; they are not counted either
    error, log_error = prediction - target, prediction.log() - target.log()
    ratio = torch.maximum(prediction / target, target / prediction)
    deltas = [(ratio < DELTA_BASE**k) & valid for k in (1, 2, 3)]
    terms = [valid, error**2, log_error**2, error.abs() / target, error**2 / target, log_error, *deltas]
    return torch.stack([term.flatten(1).sum(1, dtype=torch.float64) for term in terms], dim=1)


def depth_scores(statistics: Tensor, average: str = "pixel") -> dict[str, float]:
    """The scores of a dataset from the statistics of its images.

    Args:
        statistics: (N, 9), see `depth_statistics`. Images without a valid pixel do not count.
        average: `'pixel'` computes each score over all pixels of the dataset, as most multi-task papers do; `'image'`
            averages the scores of the images, as depth papers do.

    Returns:
        `rmse` and `sq_rel` in metres; `rmse_log`; `abs_rel`; `silog`, 100 · sqrt(mean d² − (mean d)²) as KITTI defines
        it; `delta1` to `delta3`, shares from 0 to 1. All are NaN if no image has a valid pixel.

    Raises:
        ValueError: `average` has another value.

    Examples:
        >>> prediction, target = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]])  # one image of two pixels
        >>> scores = depth_scores(depth_statistics(prediction, target, target > 0))
        >>> round(scores["rmse"], 3), scores["abs_rel"], scores["delta1"]
        (1.414, 0.25, 0.5)
    """
    if average not in ("pixel", "image"):
        raise ValueError(f"average={average!r} is not known, allowed are 'pixel' and 'image'")
    if average == "pixel":
        statistics = statistics.sum(0, keepdim=True)
    statistics = statistics[statistics[:, 0] > 0]
    _, e2, d2, abs_rel, sq_rel, d, *deltas = (statistics / statistics[:, :1]).unbind(1)
    scores = {
        "rmse": e2.sqrt(),
        "rmse_log": d2.sqrt(),
        "abs_rel": abs_rel,
        "sq_rel": sq_rel,
        "silog": 100 * (d2 - d**2).clamp(min=0).sqrt(),  # rounding may leave a variance just below 0
        **{f"delta{k}": delta for k, delta in enumerate(deltas, start=1)},
    }
    return {name: score.mean().item() for name, score in scores.items()}


def _edges(fractions: Sequence[float], height: int, width: int) -> Iterator[tuple[float, int]]:
    return zip(fractions, (height, height, width, width), strict=True)


def _crop_mask(height: int, width: int, edges: Sequence[int], device: torch.device | str | None) -> Tensor:
    top, bottom, left, right = edges
    mask = torch.zeros(height, width, dtype=torch.bool, device=device)
    mask[top:bottom, left:right] = True
    return mask
