"""Writing predictions to files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mtl_plugins.kinds import LabelOptions, kind_of_task

DEPTH_SCALE = 1000.0  # PNGs hold millimetres, as depth cameras write them: up to 65.535 m in 16 bits
MAX_PNG_DEPTH = 65535 / DEPTH_SCALE


def is_clipped(task: str, values: np.ndarray, kinds: Mapping[str, str] | None = None) -> bool:
    """Whether a map is depth beyond `MAX_PNG_DEPTH`, which `write_map` clips in PNG files."""
    return bool((values > MAX_PNG_DEPTH).any()) and kind_of_task(task, values, kinds).name == "metric_depth"


def write_map(
    task: str, values: np.ndarray, folder: Path, stem: str, file_type: str, kinds: Mapping[str, str] | None = None
) -> Path:
    """Write the map of one task to `folder/task/stem.png` or `.npy`.

    Args:
        task: Name of the task.
        values: The map, (H, W) or (C, H, W).
        folder: The folder of all tasks.
        stem: Name of the file without its ending.
        file_type: `'npy'` stores the numbers unchanged. `'png'` stores class ids and other uint8 maps in 8 bits, depth
            in 16 bits and millimetres (clipped to 65.535 m), and normals as RGB in NYUDv2's encoding. Maps that a PNG
            cannot hold become NPY files.
        kinds: Kinds of tasks with other names, `{task: name of the kind}`.

    Returns:
        The path of the file.
    """
    path = Path(folder) / task / f"{stem}.{file_type}"
    return kind_of_task(task, values, kinds).write(path, values, LabelOptions(scale=DEPTH_SCALE))
