from pathlib import Path
from typing import Any, NamedTuple

#: `img`, labels by task, perhaps `intrinsics`, and `meta`: what a dataset reads and a transform takes and returns.
Sample = dict[str, Any]


class SampleFiles(NamedTuple):
    """The files of one sample. A missing label is a missing key."""

    img: Path
    labels: dict[str, Path]  # by task
    intrinsics: tuple[float, ...] | None = None  # fx, fy, cx, cy
    pseudo: dict[str, Path] = {}  # pseudo-labels by task, see PseudoLabels
