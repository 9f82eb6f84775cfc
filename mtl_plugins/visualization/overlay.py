from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from mtl_plugins.functional.sparse_readings import place_over
from mtl_plugins.kinds import kind_of_task, meta_of_task

from .panel_layout import is_wide
from .task_painters import TASK_PAINTERS, paint_task

FramePainter = Callable[[np.ndarray], np.ndarray]


class OverlayPainter:
    """Paints video frames with their predictions within a few milliseconds.

    The first task with classes is drawn over the frame, other tasks next to it, or below a wide frame. Painters may
    keep state, such as the range of depths, so each video needs its own `OverlayPainter`.

    Args:
        meta: The dataset's METAINFO: `classes`, `palette`.
        opacity: Opacity of the class colours, 0 to 1.
    """

    def __init__(self, meta: Mapping[str, Any] | None = None, opacity: float = 0.5):
        self.meta, self.opacity = dict(meta or {}), opacity
        self._painters: dict[str, tuple[FramePainter, bool]] = {}  # (painter, whether its map goes over the frame)

    def draw(self, image: np.ndarray, maps: Mapping[str, np.ndarray]) -> np.ndarray:
        """Paint one frame.

        Args:
            image: uint8 (H, W, 3), RGB.
            maps: `{task: (C, H, W) or (H, W)}`, the predictions.

        Returns:
            uint8 (H, n W, 3), or (n H, W, 3) if the frame is wide, RGB: the frame, then the other tasks.
        """
        original = frame = Image.fromarray(image)
        covered, pictures = False, []
        for task, values in maps.items():
            if not isinstance(values, np.ndarray):  # trees of maps are not drawn
                continue
            values = values[None] if values.ndim == 2 else values
            paint, over_frame = self._painter(task, values)
            picture = place_over(original, paint(values))
            if over_frame and not covered:
                frame, covered = Image.blend(frame, picture, self.opacity), True
            else:
                pictures.append(np.asarray(picture))
        axis = 0 if is_wide(*image.shape[:2]) else 1
        return np.concatenate([np.asarray(frame), *pictures], axis=axis)

    def _painter(self, task: str, values: np.ndarray) -> tuple[FramePainter, bool]:
        if task not in self._painters:
            if task in TASK_PAINTERS:
                self._painters[task] = (lambda maps: paint_task(task, [maps], self.meta).pictures[0]), False
            else:
                kind = kind_of_task(task, values, self.meta.get("kinds"))
                self._painters[task] = kind.frame_painter(meta_of_task(task, self.meta)), kind.over_frame
        return self._painters[task]
