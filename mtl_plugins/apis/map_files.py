from pathlib import Path

import numpy as np
from PIL import Image

from mtl_plugins.functional.normals_png import encode_normals

DEPTH_SCALE = 1000.0  # millimetres, as depth cameras write them: up to 65.5 m in 16 bits


def write_map(task: str, values: np.ndarray, folder: Path, stem: str, kind: str) -> Path:
    """Write one task's map to ``folder/task/stem.{png,npy}`` and return the path.

    Args:
        values: (H, W) or (C, H, W).
        kind: ``'npy'``: the numbers as they are. ``'png'``: class ids and other small integers as 8-bit PNG, depth
            as 16-bit PNG in millimetres (0 ... 65.535 m, clipped), normals as RGB in NYUDv2's encoding; a map that
            PNG can't hold becomes NPY.
    """
    folder = folder / task
    folder.mkdir(parents=True, exist_ok=True)
    picture = _as_picture(task, values) if kind == "png" else None
    if picture is None:
        path = folder / f"{stem}.npy"
        np.save(path, values)
    else:
        path = folder / f"{stem}.png"
        picture.save(path)
    return path


def _as_picture(task, values):
    if values.dtype == np.uint8 and values.ndim == 2:
        return Image.fromarray(values)
    if task == "depth" and values.ndim == 2:
        steps = np.nan_to_num(np.rint(values * DEPTH_SCALE))
        return Image.fromarray(np.clip(steps, 0, np.iinfo(np.uint16).max).astype(np.uint16))
    if task == "normals" and values.ndim == 3:
        return Image.fromarray(encode_normals(values.transpose(1, 2, 0)))
    return None
