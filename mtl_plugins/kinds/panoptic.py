"""Classes and instances."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from mtl_plugins.functional.painting import paint_panoptic
from mtl_plugins.functional.palette import VOID_COLOUR, make_palette
from mtl_plugins.functional.panoptic import (
    INSTANCES_PER_CLASS,
    PANOPTIC_VOID,
    decode_panoptic,
    encode_panoptic,
    panoptic_map,
)

from .kind import Kind, Meta, without_channel
from .kind_registry import register_kind
from .label_options import DEFAULT_OPTIONS, LabelOptions
from .painted import Painted, Swatch


@register_kind
class Panoptic(Kind):
    """The class of each pixel and the object that it belongs to: ids `class * 1000 + instance`, int32 (N, 1, H, W).

    Instances count from 1 in each image. Stuff, such as walls and floor, has instance 0. 255 is void. Scores are
    (N, 2 K + 3, H, W), see `panoptic_map`. Files are RGB PNGs as those of COCO and Cityscapes: the id is
    R + 256 G + 65536 B.
    """

    name = "panoptic"
    tasks: Mapping[str, str] = {"panoptic": "panoptic"}
    void = PANOPTIC_VOID
    headline = "PQ"
    suffix = ".png"

    def to_scores(self, raw: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Probabilities of the 2 K segment types, the centres' heat map, and offsets in pixels.

        Args:
            raw: Logits, heat map and offsets as a share of the image's size, (N, 2 K + 3, h, w).
            size: As for `Kind.to_scores`.
        """
        raw = super().to_scores(raw, size)
        return torch.cat([raw[:, :-3].softmax(1), raw[:, -3:-2], to_pixels(raw[:, -2:])], dim=1)

    def from_scores(self, scores: Tensor) -> Tensor:
        """Ids of segments; see `panoptic_map`."""
        return panoptic_map(scores)

    def to_prediction(self, raw: Tensor) -> Tensor:
        """Ids of segments."""
        return self.from_scores(self.to_scores(raw))

    def undo_mirror(self, scores: Tensor) -> Tensor:
        """Mirror the maps and change the sign of the offsets along x."""
        return torch.cat([scores[:, :-1].flip(-1), -scores[:, -1:].flip(-1)], dim=1)

    def to_label(self, scores: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> tuple[Tensor, Tensor | None]:
        """Ids of segments."""
        return self.from_scores(scores), None

    def describe(self, labels: Sequence[Tensor], meta: Meta) -> str:
        """The number of segments, and how many classes occur."""
        segments = sum(len(self.valid_values([label]).unique()) for label in labels)
        classes = len((self.valid_values(labels) // INSTANCES_PER_CLASS).unique())
        return f"{segments / len(labels):.1f} segments per image, {classes} classes"

    def encode(self, values: np.ndarray, options: LabelOptions = DEFAULT_OPTIONS) -> np.ndarray | None:
        """Colours as `encode_panoptic` defines them, uint8 (H, W, 3)."""
        ids = without_channel(values)
        return encode_panoptic(ids) if ids.ndim == 2 and np.issubdtype(ids.dtype, np.integer) else None

    def decode(self, stored: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> Tensor:
        """Ids of segments as `Mask`, int32 (1, H, W)."""
        if len(stored) != 3 or stored.dtype != torch.uint8:
            raise ValueError(
                f"Panoptic segments are stored in 8-bit RGB PNGs (id = R + 256 G + 65536 B), not in {len(stored)} "
                f"channels of {stored.dtype}."
            )
        return tv_tensors.Mask(decode_panoptic(stored))

    def paint(self, maps: Sequence[np.ndarray], meta: Meta) -> Painted:
        """Paint each instance in a shade of its class's colour, with dark outlines."""
        ids = [without_channel(values).astype(np.int64) for values in maps]
        void = any((values == PANOPTIC_VOID).any() for values in ids)
        present = sorted({int(i) for values in ids for i in np.unique(values[values != PANOPTIC_VOID])})
        classes = sorted({i // INSTANCES_PER_CLASS for i in present})
        palette, names = meta.get("palette"), meta.get("classes") or ()
        if palette is None or len(palette) <= max(classes, default=-1):
            palette = make_palette(max([len(names), *(c + 1 for c in classes)]))
        legend: list[Swatch] = [
            (str(names[c] if c < len(names) else c), tuple(int(value) for value in palette[c])) for c in classes
        ]
        if void:
            legend.append(("void", VOID_COLOUR))
        return Painted([paint_panoptic(values, palette) for values in ids], legend=tuple(legend))


def to_pixels(offsets: Tensor) -> Tensor:
    """Offsets (N, 2, H, W) that are shares of the image's size, in pixels of their map."""
    height, width = offsets.shape[-2:]
    return offsets * offsets.new_tensor([height, width]).view(2, 1, 1)
