"""One class per pixel."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from mtl_plugins.functional.label_rounding import class_labels
from mtl_plugins.functional.painting import look_up, paint_classes
from mtl_plugins.functional.palette import VOID_COLOUR, make_palette
from mtl_plugins.label_spaces import VOID

from .kind import Kind, Meta, without_channel
from .kind_registry import register_kind
from .label_options import DEFAULT_OPTIONS, LabelOptions
from .numbers import paint_heat
from .painted import Painted, Swatch

MAX_CLASSES_WITHOUT_NAMES = 64  # maps with larger ids and no class names get a heat colormap
_MIN_LABELS = 4  # one class in all of them is suspicious
_DEFAULT_COLOURS = 64  # colours for the ids of a video whose classes are not named


@register_kind
class Classes(Kind):
    """One class per pixel: logits (N, K, H, W), probabilities as scores, class ids (N, 1, H, W) as prediction.

    Labels are uint8 (1, H, W), 255 is void. Files are 8-bit PNGs of the ids.
    """

    name = "classes"
    tasks: Mapping[str, str] = {"semseg": "semantic classes", "parts": "parts"}
    void = VOID
    headline = "mIoU"
    trivial_predictor = "the most frequent class"
    label_options = ("confidence", "class_map")
    has_confidence = True
    has_classes = True
    suffix = ".png"
    over_frame = True

    def to_scores(self, raw: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Probabilities (softmax over the channels)."""
        return super().to_scores(raw, size).softmax(dim=1)

    def from_scores(self, scores: Tensor) -> Tensor:
        """The most probable class: uint8 (N, 1, H, W), int64 for more than 255 classes."""
        classes = scores.argmax(dim=1, keepdim=True)
        return classes.to(torch.uint8) if scores.shape[1] <= 255 else classes

    def to_prediction(self, raw: Tensor) -> Tensor:
        """The class with the largest logit."""
        return self.from_scores(raw)

    def valid(self, label: Tensor) -> Tensor:
        """Pixels that are not void."""
        return (label != self.void).any(0)

    def to_label(self, scores: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> tuple[Tensor, Tensor | None]:
        """Class ids and confidences; see `class_labels`."""
        lut = options.lut
        return class_labels(scores, options.confidence, None if lut is None else lut.to(scores.device))

    def describe(self, labels: Sequence[Tensor], meta: Meta) -> str:
        """The ids, and how many of the classes occur."""
        ids = self.valid_values(labels).unique()
        names = meta.get("classes")
        return f"ids {int(ids.min())} to {int(ids.max())}, {len(ids)} {f'of {len(names)} ' if names else ''}classes"

    def implausible(self, labels: Sequence[Tensor], meta: Meta) -> str | None:
        """Ids without a class, or the same class everywhere."""
        ids, names = self.valid_values(labels).unique(), meta.get("classes")
        if names and int(ids.max()) >= len(names):
            return (
                f"the labels contain the id {int(ids.max())}, but the {len(names)} classes are 0 to {len(names) - 1}. "
                "Check the classes (metainfo), the label space or void_ids."
            )
        if len(ids) == 1 and len(labels) >= _MIN_LABELS:
            return f"all pixels with a class have the same one, {int(ids[0])}. Check the label files."
        return None

    def decode(self, stored: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> Tensor:
        """Class ids as `Mask`, uint8 (1, H, W)."""
        if len(stored) != 1 or stored.dtype != torch.uint8:
            raise ValueError(
                f"Class ids are stored in 8-bit grey PNGs, not in {len(stored)} channels of {stored.dtype}."
            )
        limit = options.num_classes
        if limit is not None and bool(((stored >= limit) & (stored != VOID)).any()):
            largest = int(stored[stored != VOID].max())
            raise ValueError(f"The file contains class id {largest}, but there are {limit} classes: 0 to {limit - 1}.")
        return tv_tensors.Mask(stored)

    def paint(self, maps: Sequence[np.ndarray], meta: Meta) -> Painted:
        """Paint class ids in the dataset's palette.

        Classes that occur are named in the panel's legend. Without names in `meta`, ids are shown below the column
        instead, and a map with ids of 64 and more gets a heat colormap.
        """
        if "classes" in meta or "palette" in meta:
            return paint_class_maps(maps, meta.get("classes"), meta.get("palette"))
        ids = np.concatenate([values[values != VOID].ravel() for values in maps]).astype(np.int64)
        if ids.size and (ids.min() < 0 or ids.max() >= MAX_CLASSES_WITHOUT_NAMES):
            return paint_heat([np.where(values == VOID, np.nan, values.astype(np.float32)) for values in maps])
        painted = paint_class_maps(maps, None, None)
        return Painted(painted.pictures, swatches=painted.legend)

    def frame_painter(self, meta: Meta) -> Callable[[np.ndarray], np.ndarray]:
        """Paint by table look-up; ids without a colour are painted as void."""
        palette = meta.get("palette")
        if palette is None or not len(palette):
            palette = make_palette(len(meta.get("classes") or ()) or _DEFAULT_COLOURS)
        table = np.full((256, 3), VOID_COLOUR, np.uint8)
        table[: len(palette)] = np.asarray(palette, np.uint8).reshape(-1, 3)[:255]
        return lambda values: look_up(table, without_channel(values))


def paint_class_maps(
    maps: Sequence[np.ndarray],
    names: Sequence[str] | None,
    palette: np.ndarray | Sequence[Sequence[int]] | None,
) -> Painted:
    """Paint maps of class ids, with a legend of the classes that occur.

    Args:
        maps: Class ids, integers (1, H, W); 255 is void.
        names: Names of the classes; ids without a name are shown as numbers.
        palette: RGB colours (n, 3); by default those of `make_palette`.
    """
    present = [int(i) for i in np.unique(np.concatenate([np.unique(labels) for labels in maps]))]
    ids = [i for i in present if i != VOID]
    if palette is None or not len(palette):
        palette = make_palette(max([len(names or ())] + [i + 1 for i in ids]))
    pictures = [paint_classes(labels, palette) for labels in maps]
    name_of = dict(enumerate(names or ()))
    legend: list[Swatch] = [(str(name_of.get(i, i)), tuple(map(int, palette[i]))) for i in ids]
    if VOID in present:
        legend.append(("void", VOID_COLOUR))
    return Painted(pictures, legend=tuple(legend))
