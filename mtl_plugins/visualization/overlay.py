from collections.abc import Mapping

import numpy as np
from PIL import Image

from .painters import DEPTH_COLORMAP, INVALID_COLOUR, colormap_table, valid_depth
from .palette import VOID_COLOUR, make_palette
from .task_painters import paint_task

_INERTIA = 0.9  # of the depth range: it follows the scene, and the colours don't flicker
_SAMPLED = 8  # of that many rows and columns each one counts for the range


class OverlayPainter:
    """Frames of a video with their predictions, in a few milliseconds: classes over the frame, other tasks beside it.

    Args:
        meta: The dataset's METAINFO: ``classes``, ``palette``.
        opacity: Of the class colours, 0 ... 1.

    It keeps the range of depth from frame to frame, so a video has a painter of its own.
    """

    def __init__(self, meta: Mapping | None = None, opacity: float = 0.5):
        self.meta, self.opacity = dict(meta or {}), opacity
        self._classes = _class_table(self.meta)
        self._depths = np.vstack([[INVALID_COLOUR], colormap_table(DEPTH_COLORMAP)[1:]]).astype(np.uint8)
        self._range = None
        self._painters = dict(depth=self._paint_depth, normals=_paint_normals)

    def draw(self, image: np.ndarray, maps: Mapping[str, np.ndarray]) -> np.ndarray:
        """One picture, uint8 (H, n W, 3), RGB.

        Args:
            image: uint8 (H, W, 3), RGB.
            maps: ``{task: (C, H, W) or (H, W)}``: ``semseg`` goes over the frame, each other one stands beside it.
        """
        frame = Image.fromarray(image)
        if "semseg" in maps:
            frame = Image.blend(frame, _look_up(self._classes, _plane(maps["semseg"])), self.opacity)
        pictures = [np.asarray(frame)]
        for task, values in maps.items():
            if task != "semseg":
                paint = self._painters.get(task)
                channels_first = values if values.ndim == 3 else values[None]
                pictures.append(
                    paint(channels_first) if paint else paint_task(task, [channels_first], self.meta).pictures[0]
                )
        return np.concatenate(pictures, axis=1)

    def _paint_depth(self, depth):
        depth = depth[0]
        low, high = self._follow(depth)
        share = (depth - low) * (254 / (high - low))  # index 0 is for pixels without a reading
        index = np.clip(np.nan_to_num(share), 0, 254).astype(np.uint8) + np.uint8(1)
        index[~valid_depth(depth)] = 0
        return np.asarray(_look_up(self._depths, index))

    def _follow(self, depth):
        few = depth[::_SAMPLED, ::_SAMPLED]
        few = few[valid_depth(few)]
        if few.size:
            now = np.percentile(few, (1, 99))
            self._range = now if self._range is None else _INERTIA * self._range + (1 - _INERTIA) * now
        low, high = (0.0, 1.0) if self._range is None else self._range
        return low, max(high, low + 0.1)  # a constant map: still a range of colours


def _class_table(meta):
    palette = meta.get("palette")
    colours = make_palette(len(meta.get("classes") or ()) or 64) if palette is None or not len(palette) else palette
    table = np.full((256, 3), VOID_COLOUR, np.uint8)
    table[: len(colours)] = np.asarray(colours, np.uint8).reshape(-1, 3)[:255]
    return table


def _look_up(table, index):
    picture = Image.fromarray(np.ascontiguousarray(index, np.uint8), "L")
    picture.putpalette(table.tobytes())
    return picture.convert("RGB")


def _paint_normals(normals):
    rgb = np.empty((*normals.shape[1:], 3), np.uint8)
    for channel, (values, sign) in enumerate(zip(normals, (127.5, -127.5, -127.5), strict=True)):
        rgb[..., channel] = np.clip(values * np.float32(sign) + np.float32(128), 0, 255)
    return rgb


def _plane(values):
    return values[0] if values.ndim == 3 else values
