from pathlib import Path
from typing import NamedTuple

from mtl_plugins.files import read_json

from ..camera_values import check_camera, parse_number
from ..data_error import DataError

_LARGEST_BASELINE = 100  # metres; Cityscapes' cameras are 0.2 m apart


class StereoCamera(NamedTuple):
    """Cityscapes' left camera and its distance to the right one."""

    fx: float
    fy: float
    cx: float
    cy: float
    baseline: float  # metres

    @property
    def intrinsics(self) -> tuple[float, float, float, float]:
        """fx, fy, cx, cy in pixels."""
        return self.fx, self.fy, self.cx, self.cy


def read_camera(path: Path) -> StereoCamera:
    """Read a `*_camera.json` of Cityscapes.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: The file has another format.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist. It is part of Cityscapes' camera_trainvaltest.zip.")
    try:
        content = read_json(path)
        intrinsic, extrinsic = content["intrinsic"], content["extrinsic"]
        fx, fy, cx, cy = check_camera([parse_number(intrinsic[key]) for key in ("fx", "fy", "u0", "v0")])
        baseline = parse_number(extrinsic["baseline"])
        if not 0 < baseline <= _LARGEST_BASELINE:
            raise ValueError(f"the baseline must be positive and at most {_LARGEST_BASELINE} m, but is {baseline:g}")
    except (LookupError, TypeError, ValueError) as error:
        problem = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise DataError(
            f"{path} is not a camera file of Cityscapes: {problem}. It must have intrinsic: fx, fy, u0, v0 and "
            "extrinsic: baseline; unpack camera_trainvaltest.zip again."
        ) from None
    return StereoCamera(fx, fy, cx, cy, baseline)
