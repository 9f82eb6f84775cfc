"""Depth in metres."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from mtl_plugins.functional.colour_scale import LOG_FROM, PERCENTILES, ColourScale, depth_scale, scale_of_range
from mtl_plugins.functional.depth_png import encode_depth
from mtl_plugins.functional.label_rounding import depth_labels
from mtl_plugins.functional.painting import (
    DEPTH_COLORMAP,
    INVALID_COLOUR,
    colormap_table,
    look_up,
    paint_depth,
    paint_sparse_depth,
    valid_depth,
)
from mtl_plugins.functional.sparse_readings import enlarge_readings, is_sparse
from mtl_plugins.structures import DepthMap

from .kind import Kind, Meta, without_channel
from .kind_registry import register_kind
from .label_options import DEFAULT_OPTIONS, LabelOptions
from .painted import ColourBar, Painted

_PLAUSIBLE_MEDIAN = (0.1, 300)  # metres, of any scene; a protocol of DepthMetric knows its own scenes better
_INERTIA = 0.9  # how much of the range a video frame keeps from the previous one, so that colours do not flicker
_SAMPLED = 8  # a video frame's range is computed from every 8th row and column


@register_kind
class MetricDepth(Kind):
    """Depth in metres, (N, 1, H, W): the absolute value of a linear output. 0 means "no reading".

    Files are 16-bit PNGs of metres x scale.
    """

    name = "metric_depth"
    aliases = ("depth",)
    tasks: Mapping[str, str] = {"depth": "depth"}
    unit = "m"
    headline = "rmse"
    trivial_predictor = "the best constant depth"
    label_options = ("scale", "max_depth")
    suffix = ".png"

    def to_scores(self, raw: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Metres: the absolute value."""
        return super().to_scores(raw, size).abs()

    def undo_zoom(self, scores: Tensor, factor: float) -> Tensor:
        """Multiply by `factor`, because the enlarged scene appeared nearer by this factor."""
        return scores * factor

    def valid(self, label: Tensor) -> Tensor:
        """Pixels with a finite depth above 0."""
        return (label.isfinite() & (label > 0)).all(0)

    def to_label(self, scores: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> tuple[Tensor, Tensor | None]:
        """Metres in the steps of a PNG; see `depth_labels`."""
        return depth_labels(scores, options.scale, options.max_depth), None

    def describe(self, labels: Sequence[Tensor], meta: Meta) -> str:
        """The smallest, largest and median reading."""
        return f"{super().describe(labels, meta)}, median {self.valid_values(labels).median().item():.3g} m"

    def implausible(self, labels: Sequence[Tensor], meta: Meta) -> str | None:
        """The median reading cannot be that of a scene in metres."""
        median, (low, high) = self.valid_values(labels).median().item(), _PLAUSIBLE_MEDIAN
        if low <= median <= high:
            return None
        return (
            f"the median reading is {median:.3g} m, but that of a scene is {low:g} to {high:g} m. Check the scale of "
            "the depth files (depth_scale, or scale of the label)."
        )

    def encode(self, values: np.ndarray, options: LabelOptions = DEFAULT_OPTIONS) -> np.ndarray | None:
        """Metres x scale, uint16 (H, W); larger values are clipped."""
        values = without_channel(values)
        return encode_depth(values, options.scale) if values.ndim == 2 else None

    def decode(self, stored: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> Tensor:
        """Metres as `DepthMap`, float32 (1, H, W). Floats are metres; negative or non-finite ones mean "no reading"."""
        if stored.is_floating_point():
            return DepthMap(torch.where(stored.isfinite() & (stored > 0), stored, 0))
        if len(stored) != 1 or stored.dtype != torch.uint16:
            raise ValueError(f"Depth is stored in 16-bit grey PNGs, not in {len(stored)} channels of {stored.dtype}.")
        return DepthMap(stored.to(torch.float32).div_(options.scale))

    def paint(self, maps: Sequence[np.ndarray], meta: Meta) -> Painted:
        """Paint depth along a colormap, on the `depth_scale` of the first map with readings, usually the ground truth.

        The readings of sparse maps become discs, which are placed over the darkened image; see `is_sparse`.
        """
        valid = [valid_depth(depth) for depth in maps]
        sparse = [is_sparse(pixels) for pixels in valid]
        readings = (depth[pixels] for depth, pixels in zip(maps, valid, strict=True) if pixels.any())
        scale = depth_scale(next(readings, np.array([])))
        pictures = [
            (paint_sparse_depth if few else paint_depth)(depth, scale.low, scale.high, log=scale.log)
            for depth, few in zip(maps, sparse, strict=True)
        ]
        holes = any(not few and not pixels.all() for few, pixels in zip(sparse, valid, strict=True))
        return Painted(
            pictures=pictures,
            bar=ColourBar(colormap_table(DEPTH_COLORMAP), scale.low, scale.high, self.unit, scale.log),
            swatches=(("no reading", INVALID_COLOUR),) if holes else (),
        )

    def frame_painter(self, meta: Meta) -> Callable[[np.ndarray], np.ndarray]:
        """Paint by table look-up; the range of colours slowly follows the scene."""
        return _DepthFramePainter()


class _DepthFramePainter:
    def __init__(self) -> None:
        self._table = np.vstack([[INVALID_COLOUR], colormap_table(DEPTH_COLORMAP)[1:]]).astype(np.uint8)
        self._range: np.ndarray | None = None
        self._log = False

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        depth = without_channel(depth)
        valid = valid_depth(depth)
        if not is_sparse(valid):
            scale = self._follow(depth[::_SAMPLED, ::_SAMPLED], valid[::_SAMPLED, ::_SAMPLED])
            return self._paint(depth, valid, scale)
        scale = self._follow(depth, valid)
        discs = enlarge_readings(depth, valid)
        covered = discs > 0
        return np.dstack([self._paint(discs, covered, scale), np.where(covered, 255, 0).astype(np.uint8)])

    def _paint(self, depth: np.ndarray, valid: np.ndarray, scale: ColourScale) -> np.ndarray:
        low, high = scale.low, scale.high
        place = np.fmin(np.fmax(depth, np.float32(low)), np.float32(high))  # they also replace NaN
        if scale.log:
            place, low, high = np.log(place), np.log(low), np.log(high)
        # index 0 is for pixels without a reading
        index = ((place - np.float32(low)) * np.float32(254 / (high - low))).clip(0, 254).astype(np.uint8) + np.uint8(1)
        index[~valid] = 0
        return look_up(self._table, index)

    def _follow(self, depth: np.ndarray, valid: np.ndarray) -> ColourScale:
        """The scale for a frame, given some of its pixels."""
        few = depth[valid]
        if few.size:
            now = np.percentile(few, PERCENTILES)
            self._range = now if self._range is None else _INERTIA * self._range + (1 - _INERTIA) * now
        low, high = (0.0, 1.0) if self._range is None else self._range.tolist()
        # A scene near the limit would otherwise switch between the scales.
        scale = scale_of_range(low, high, LOG_FROM / 2 if self._log else LOG_FROM)
        self._log = scale.log
        return scale
