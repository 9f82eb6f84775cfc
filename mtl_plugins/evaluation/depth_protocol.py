from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtl_plugins.functional.depth_metrics import CROPS

AVERAGES = ("pixel", "image")


@dataclass(frozen=True)
class DepthProtocol:
    """Which pixels count, and how images are averaged.

    Args:
        max_depth: Metres; pixels count if their label is below it, and predictions are clamped to it.
        crop: `None`, `'eigen'` (NYUDv2) or `'garg'` (KITTI).
        average: `'pixel'` for one average over all pixels of the dataset, `'image'` for the mean of the images' scores.
        min_depth: Metres; pixels count if their label is above it, and predictions are clamped to it.
        usual_median: Metres; the range in which the median reading of some images of such scenes lies. Other labels are
            probably read with a wrong scale. It does not change any score.
        source: The `depth_source` of the dataset that the protocol is meant for; None for any. It does not change any
            score.
    """

    max_depth: float
    crop: str | None = None
    average: str = "pixel"
    min_depth: float = 1e-3
    usual_median: tuple[float, float] | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        options: tuple[tuple[str, str | None, Sequence[str | None]], ...] = (
            ("crop", self.crop, (None, *CROPS)),
            ("average", self.average, AVERAGES),
        )
        for name, value, allowed in options:
            if value not in allowed:
                raise ValueError(f"DepthMetric has {name}={value!r}, allowed are {', '.join(map(repr, allowed))}.")
        if not 0 < self.min_depth < self.max_depth:
            raise ValueError(
                f"DepthMetric needs 0 < min_depth < max_depth, not {self.min_depth} and {self.max_depth} metres."
            )

    def implausible(self, labels: Sequence[Tensor]) -> str | None:
        """Why depth labels (1, H, W) do not look like scenes of this protocol; None if they do."""
        if self.usual_median is None:
            return None
        readings = torch.cat([label[label > self.min_depth].flatten() for label in labels])
        low, high = self.usual_median
        if not readings.numel() or low <= (median := readings.median().item()) <= high:
            return None
        return f"the median reading is {median:.3g} m, but {low:g} to {high:g} m is usual"

    def __str__(self) -> str:
        crop = f"{self.crop.capitalize()} crop" if self.crop else "no crop"
        return f"{crop}, {self.min_depth:g}-{self.max_depth:g} m, {self.average}-wise average"


#: `depth_source` of `KITTIDepth` with `depth="lidar"`.
SCANS = "single laser scans"

# Multi-task papers average over all pixels of NYUDv2; depth papers average over images and use Eigen's crop. Both caps
# on KITTI are from Garg et al., ECCV 2016. Eigen et al., NIPS 2014, evaluate on single laser scans, newer papers on the
# improved ground truth.
_ROOMS, _ROADS, _STREETS = (1.0, 7.0), (5.0, 30.0), (5.0, 60.0)  # usual medians of Kinect, laser and stereo depth
PROTOCOLS = {
    "nyud": DepthProtocol(10.0, usual_median=_ROOMS),
    "nyud-image": DepthProtocol(10.0, average="image", usual_median=_ROOMS),
    "nyud-eigen": DepthProtocol(10.0, "eigen", "image", usual_median=_ROOMS),
    "nyud-eigen-pixel": DepthProtocol(10.0, "eigen", usual_median=_ROOMS),
    "kitti": DepthProtocol(80.0, average="image", usual_median=_ROADS),
    "kitti-pixel": DepthProtocol(80.0, usual_median=_ROADS),
    "kitti-eigen-80": DepthProtocol(80.0, "garg", "image", usual_median=_ROADS),
    "kitti-eigen-50": DepthProtocol(50.0, "garg", "image", usual_median=_ROADS),
    "kitti-eigen-80-scans": DepthProtocol(80.0, "garg", "image", usual_median=_ROADS, source=SCANS),
    "kitti-eigen-50-scans": DepthProtocol(50.0, "garg", "image", usual_median=_ROADS, source=SCANS),
    "cityscapes": DepthProtocol(80.0, usual_median=_STREETS),
}
