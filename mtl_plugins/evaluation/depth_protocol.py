from collections.abc import Sequence
from dataclasses import dataclass

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
    """

    max_depth: float
    crop: str | None = None
    average: str = "pixel"
    min_depth: float = 1e-3

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

    def __str__(self) -> str:
        crop = f"{self.crop.capitalize()} crop" if self.crop else "no crop"
        return f"{crop}, {self.min_depth:g}-{self.max_depth:g} m, {self.average}-wise average"


# Multi-task papers average over all pixels of NYUDv2; depth papers average over images and use Eigen's crop. Both caps
# on KITTI are from Garg et al., ECCV 2016.
PROTOCOLS = {
    "nyud": DepthProtocol(10.0),
    "nyud-image": DepthProtocol(10.0, average="image"),
    "nyud-eigen": DepthProtocol(10.0, "eigen", "image"),
    "nyud-eigen-pixel": DepthProtocol(10.0, "eigen"),
    "kitti": DepthProtocol(80.0, average="image"),
    "kitti-pixel": DepthProtocol(80.0),
    "kitti-eigen-80": DepthProtocol(80.0, "garg", "image"),
    "kitti-eigen-50": DepthProtocol(50.0, "garg", "image"),
    "cityscapes": DepthProtocol(80.0),
}
