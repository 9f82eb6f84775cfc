from dataclasses import dataclass

from mtl_plugins.functional.depth_metrics import CROPS

AVERAGES = ("pixel", "image")


@dataclass(frozen=True)
class DepthProtocol:
    """Which pixels of which depths count, and how images are averaged.

    Args:
        max_depth, min_depth: metres; a pixel counts where its label lies between, predictions are clamped to it.
        crop: None, ``'eigen'`` (NYUDv2) or ``'garg'`` (KITTI).
        average: ``'pixel'`` over all pixels of the set, or ``'image'``: each image's score, averaged.
    """

    max_depth: float
    crop: str | None = None
    average: str = "pixel"
    min_depth: float = 1e-3

    def __post_init__(self):
        for name, value, allowed in (("crop", self.crop, (None, *CROPS)), ("average", self.average, AVERAGES)):
            if value not in allowed:
                raise ValueError(f"DepthMetric has {name}={value!r}, allowed are {', '.join(map(repr, allowed))}")
        if not 0 < self.min_depth < self.max_depth:
            raise ValueError(
                f"DepthMetric needs 0 < min_depth < max_depth, not {self.min_depth} and {self.max_depth} metres"
            )

    def __str__(self):
        crop = f"{self.crop.capitalize()} crop" if self.crop else "no crop"
        return f"{crop}, {self.min_depth:g}-{self.max_depth:g} m, {self.average}-wise average"


# Multi-task papers average over all pixels of NYUDv2, depth papers over images and inside Eigen's crop. On KITTI both
# caps are from Garg et al., ECCV 2016.
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
