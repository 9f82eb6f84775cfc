"""Depth scores from sums over each image's pixels."""

import torch

# Eigen et al. 2014: rows 45:471, columns 41:601 of 480 x 640
EIGEN_CROP = (45 / 480, 471 / 480, 41 / 640, 601 / 640)
# Garg et al. 2016, for KITTI
GARG_CROP = (0.40810811, 0.99189189, 0.03594771, 0.96405229)
DELTA_BASE = 1.25


def eigen_crop_mask(height, width, device=None):
    """(H, W) bool: Eigen's crop, rows 45:471 and columns 41:601 of 480 × 640, in proportion elsewhere."""
    return _crop_mask(height, width, [round(f * n) for f, n in _edges(EIGEN_CROP, height, width)], device)


def garg_crop_mask(height, width, device=None):
    """(H, W) bool: Garg's crop for KITTI; edges are cut to whole pixels as in monodepth's evaluation."""
    return _crop_mask(height, width, [int(f * n) for f, n in _edges(GARG_CROP, height, width)], device)


CROPS = {"eigen": eigen_crop_mask, "garg": garg_crop_mask}


def evaluated_pixels(target, min_depth, max_depth, crop=None):
    """Bool, shape of ``target`` (…, H, W) in metres: min_depth < target < max_depth, inside the crop if any.

    The bounds are open, as in the evaluation code of monodepth and BTS. Neither 0, NaN nor infinity is
    inside.
    """
    valid = (target > min_depth) & (target < max_depth)
    return valid if crop is None else valid & CROPS[crop](*target.shape[-2:], device=target.device)


def depth_statistics(prediction, target, valid):
    """Sums over each sample's valid pixels: (N, 9) float64, all that :func:`depth_scores` needs.

    ``prediction`` and ``target``: (N, …) metres, positive where ``valid`` (N, …). Columns, with e =
    prediction − target and d = log prediction − log target: count, e², d², |e| / target, e² / target, d, and
    the number of pixels with max(prediction / target, target / prediction) < 1.25, 1.25², 1.25³.
    """
    prediction = torch.where(valid, prediction, 1).double()
    target = torch.where(valid, target, 1).double()  # invalid pixels now have no error, and are not counted
    error, log_error = prediction - target, prediction.log() - target.log()
    ratio = torch.maximum(prediction / target, target / prediction)
    deltas = [(ratio < DELTA_BASE**k) & valid for k in (1, 2, 3)]
    terms = [valid, error**2, log_error**2, error.abs() / target, error**2 / target, log_error, *deltas]
    return torch.stack([term.flatten(1).sum(1, dtype=torch.float64) for term in terms], dim=1)


def depth_scores(statistics, average="pixel"):
    """Scores of a set from its images' statistics (N, 9); images without a valid pixel do not count.

    ``average='pixel'``: each score over all pixels of the set at once, as multi-task papers mostly do;
    ``'image'``: each image's score, averaged over images, as depth papers do. ``rmse`` and ``sq_rel`` are in
    metres, ``silog`` is 100 · sqrt(mean d² − (mean d)²) as KITTI's, ``delta1`` … ``delta3`` are shares 0 … 1.
    NaN with no image left.
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


def _edges(fractions, height, width):
    return zip(fractions, (height, height, width, width), strict=True)


def _crop_mask(height, width, edges, device):
    top, bottom, left, right = edges
    mask = torch.zeros(height, width, dtype=torch.bool, device=device)
    mask[top:bottom, left:right] = True
    return mask
