import json
from pathlib import Path
from typing import NamedTuple

from ..data_error import DataError


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
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        intrinsic, extrinsic = content["intrinsic"], content["extrinsic"]
        fx, fy, cx, cy = (float(intrinsic[key]) for key in ("fx", "fy", "u0", "v0"))
        camera = StereoCamera(fx, fy, cx, cy, float(extrinsic["baseline"]))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist. It is part of Cityscapes' camera_trainvaltest.zip.") from None
    except (KeyError, TypeError, ValueError) as error:
        problem = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise DataError(
            f"{path} is not a camera file of Cityscapes: {problem}. It must have intrinsic: fx, fy, u0, v0 and "
            "extrinsic: baseline; unpack camera_trainvaltest.zip again."
        ) from None
    if not min(camera.fx, camera.fy, camera.baseline) > 0:
        raise DataError(f"{path}: fx, fy and baseline must be positive, but got {camera}.")
    return camera
