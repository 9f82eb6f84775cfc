import json
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError


class StereoCamera(NamedTuple):
    """Cityscapes' left camera and its distance to the right one."""

    fx: float
    fy: float
    cx: float
    cy: float
    baseline: float  # metres

    @property
    def intrinsics(self) -> tuple[float, float, float, float]:
        return self.fx, self.fy, self.cx, self.cy


def read_camera(path: Path) -> StereoCamera:
    """The camera of a ``*_camera.json`` of Cityscapes.

    Raises:
        FileNotFoundError, DataError: naming the file and what is wrong with it.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        inside, outside = held["intrinsic"], held["extrinsic"]
        camera = StereoCamera(*(float(inside[key]) for key in ("fx", "fy", "u0", "v0")), float(outside["baseline"]))
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no {path}. It comes in camera_trainvaltest.zip of Cityscapes.") from None
    except (KeyError, TypeError, ValueError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(
            f"{path} is no camera of Cityscapes: {what}. It has intrinsic: fx, fy, u0, v0 and extrinsic: baseline; "
            "unpack camera_trainvaltest.zip again."
        ) from None
    if not min(camera.fx, camera.fy, camera.baseline) > 0:
        raise DataError(f"{path}: fx, fy and baseline must be above 0, but it has {camera}.")
    return camera
