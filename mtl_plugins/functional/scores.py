"""From a network's raw map to scores that can be averaged, thresholded and answered from, by kind of task."""

import torch.nn.functional as F
from torch import Tensor

from .unit_vectors import unit_vectors

KINDS = ("classes", "depth", "normals", "map")


def to_scores(raw: Tensor, kind: str, size: tuple[int, int]) -> Tensor:
    """Raw output (N, K, h, w) at ``size``: class probabilities, metres, unit vectors, or (``'map'``) the values."""
    if tuple(raw.shape[-2:]) != tuple(size):
        raw = F.interpolate(raw.float(), tuple(size), mode="bilinear", align_corners=False)
    raw = raw.float()
    if kind == "classes":
        return raw.softmax(dim=1)
    if kind == "depth":
        return raw.abs()
    return unit_vectors(raw) if kind == "normals" else raw


def mirrored_scores(scores: Tensor, kind: str) -> Tensor:
    """Scores (N, K, H, W) of the mirrored image; of normals x changes its sign too."""
    mirrored = scores.flip(-1)
    return mirrored * mirrored.new_tensor([-1, 1, 1]).view(3, 1, 1) if kind == "normals" else mirrored
