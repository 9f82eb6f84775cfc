"""Unit vectors, such as surface normals."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from mtl_plugins.functional.label_rounding import normal_labels
from mtl_plugins.functional.normals_png import decode_normals, encode_normals
from mtl_plugins.functional.painting import paint_normals
from mtl_plugins.functional.unit_vectors import unit_vectors
from mtl_plugins.structures import NormalMap

from .kind import Kind, Meta
from .kind_registry import register_kind
from .label_options import DEFAULT_OPTIONS, LabelOptions
from .painted import Painted, Swatch

_LENGTH_TOLERANCE, _WRONG_SHARE = 0.1, 0.01
_DIRECTIONS = {"faces right": (1, 0, 0), "faces up": (0, -1, 0), "faces camera": (0, 0, -1)}


@register_kind
class UnitVectors(Kind):
    """Unit vectors (N, 3, H, W) in the camera frame: x right, y down, z forward. (0, 0, 0) means "no label".

    A surface that faces the camera has z < 0. Files are 8-bit PNGs; see `functional.normals_png`.
    """

    name = "unit_vectors"
    aliases = ("normals",)
    tasks: Mapping[str, str] = {"normals": "surface normals"}
    headline = "mean"
    trivial_predictor = "the mean normal"
    suffix = ".png"

    def to_scores(self, raw: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """The vectors at length 1."""
        return unit_vectors(super().to_scores(raw, size))

    def from_scores(self, scores: Tensor) -> Tensor:
        """Averaged vectors, brought back to length 1."""
        return unit_vectors(scores)

    def undo_mirror(self, scores: Tensor) -> Tensor:
        """Mirror the map and change the sign of x."""
        mirrored = scores.flip(-1)
        return mirrored * mirrored.new_tensor([-1, 1, 1]).view(3, 1, 1)

    def undo_zoom(self, scores: Tensor, factor: float) -> Tensor:
        """Divide z by `factor` and normalise: the enlarged scene looked that much nearer, so flatter."""
        return unit_vectors(scores * scores.new_tensor([1, 1, 1 / factor]).view(3, 1, 1))

    def to_label(self, scores: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> tuple[Tensor, Tensor | None]:
        """Vectors in the steps of a PNG; see `normal_labels`."""
        return normal_labels(scores), None

    def describe(self, labels: Sequence[Tensor], meta: Meta) -> str:
        """The range of the lengths."""
        lengths = self.valid_values(labels).norm(dim=0)
        return f"length {lengths.min().item():.3g} to {lengths.max().item():.3g}"

    def implausible(self, labels: Sequence[Tensor], meta: Meta) -> str | None:
        """Vectors of another length, or surfaces that face away from the camera."""
        values = self.valid_values(labels)
        wrong = ((values.norm(dim=0) - 1).abs() > _LENGTH_TOLERANCE).float().mean().item()
        if wrong > _WRONG_SHARE:
            return f"{wrong:.0%} of the vectors do not have length 1. Check how the files encode them."
        away = (values[2] > 0).float().mean().item()
        if away > 0.5:
            return (
                f"{away:.0%} of the vectors point away from the camera (z > 0). A surface that faces the camera has "
                "z < 0; check the signs of the axes."
            )
        return None

    def encode(self, values: np.ndarray, options: LabelOptions = DEFAULT_OPTIONS) -> np.ndarray | None:
        """Colours as `encode_normals` defines them, uint8 (H, W, 3)."""
        return encode_normals(values.transpose(1, 2, 0)) if values.ndim == 3 and len(values) == 3 else None

    def encode_scores(self, scores: np.ndarray, label: np.ndarray, options: LabelOptions) -> np.ndarray | None:
        """Encode the scores: the label has been rounded already, and rounding it twice would change it."""
        return self.encode(scores, options)

    def decode(self, stored: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> Tensor:
        """Vectors as `NormalMap`, float32 (3, H, W)."""
        if stored.is_floating_point():
            return NormalMap(stored)
        if len(stored) != 3 or stored.dtype != torch.uint8:
            raise ValueError(f"Normals are stored in 8-bit RGB PNGs, not in {len(stored)} channels of {stored.dtype}.")
        return NormalMap(decode_normals(stored))

    def paint(self, maps: Sequence[np.ndarray], meta: Meta) -> Painted:
        """Paint vectors as colours, with the colours of three directions as a key."""
        swatches: list[Swatch] = [
            (name, tuple(paint_normals(np.array(vector, np.float32).reshape(3, 1, 1))[0, 0].tolist()))
            for name, vector in _DIRECTIONS.items()
        ]
        return Painted(pictures=[paint_normals(normals) for normals in maps], swatches=tuple(swatches))

    def frame_painter(self, meta: Meta) -> Callable[[np.ndarray], np.ndarray]:
        """Paint in the colours of `paint_normals`, without its check for invalid vectors."""
        return _paint_quickly


def _paint_quickly(normals: np.ndarray) -> np.ndarray:
    rgb = np.empty((*normals.shape[1:], 3), np.uint8)
    for channel, (values, sign) in enumerate(zip(normals, (127.5, -127.5, -127.5), strict=True)):
        rgb[..., channel] = np.clip(values * np.float32(sign) + np.float32(128), 0, 255)
    return rgb
