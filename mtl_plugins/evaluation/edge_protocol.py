from dataclasses import dataclass
from typing import Literal

import numpy as np

#: How the scores of a dataset are computed from the counts; see `edge_scores`
Summary = Literal["seism", "bsds"]
#: Thresholds of SEISM ("HED.txt"); a pixel is an edge if it is above the threshold
SEISM_THRESHOLDS = (0.001, *(round(0.01 * i, 2) for i in range(1, 100)), 0.999)
#: Thresholds of the BSDS benchmark; a pixel is an edge if it reaches the threshold
BSDS_THRESHOLDS = tuple(np.linspace(0.01, 0.99, 99).tolist())


@dataclass(frozen=True)
class EdgeProtocol:
    """How soft edge maps are compared with a ground truth.

    Args:
        max_dist: Largest distance of two matched pixels, as a share of the image diagonal.
        summary: `'seism'` or `'bsds'`: the conventions of `edge_scores`, whether a pixel must be above a threshold or
            reach it, and whether predictions are reduced to 8 bits before or after the non-maximum suppression.
        outline: Whether the ground truth is the outline of the label instead of the label. SEISM treats the edge images
            of NYUDv2 as label maps, which moves a line by up to one pixel and turns a thick line into two.
        suppress: Whether predictions pass a non-maximum suppression.
        thinned: Whether the binary maps of the prediction are thinned.
    """

    max_dist: float
    summary: Summary = "seism"
    outline: bool = False
    suppress: bool = True
    thinned: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.max_dist < 1:
            raise ValueError(
                f"EdgeMetric has max_dist={self.max_dist}, but it is a share of the image diagonal: use a number "
                "between 0 and 1, such as 0.0075 or 0.011."
            )

    @property
    def bsds(self) -> bool:
        """Whether the conventions are those of the BSDS benchmark."""
        return self.summary == "bsds"

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The thresholds of the benchmark."""
        return BSDS_THRESHOLDS if self.bsds else SEISM_THRESHOLDS

    def __str__(self) -> str:
        steps = ["non-maximum suppression"] * self.suppress + ["thinning"] * self.thinned
        outline = ", outline of the label" if self.outline else ""
        return f"maxDist {self.max_dist:g}, {self.summary.upper()}, {' and '.join(steps) or 'no thinning'}{outline}"


PROTOCOLS = {
    "nyud": EdgeProtocol(0.011, outline=True),
    "pascal": EdgeProtocol(0.0075),
    "bsds": EdgeProtocol(0.0075, summary="bsds"),
}
