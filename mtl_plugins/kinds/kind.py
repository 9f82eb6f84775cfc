"""The base class of all kinds of maps."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mtl_plugins.files import write_file, write_png
from mtl_plugins.images import read_stored_image, turn
from mtl_plugins.structures import DenseMap

from .label_options import DEFAULT_OPTIONS, LabelOptions
from .painted import Painted

#: A part of a dataset's METAINFO, such as `classes` and `palette`
Meta = Mapping[str, Any]


class Kind:
    """What the values of a task mean: how they are averaged, mirrored, stored in files and painted.

    Register a subclass with `register_kind`, then refer to it by `name`, for example as the `kind` of a head. The
    defaults are those of plain numbers: they keep their values when the image is mirrored or zoomed, 0 in all channels
    means "no label", and files are NPY. Kinds have no state.

    Tensors are (N, K, H, W) as scores and (K, H, W) as labels, or (N, K) and (K,) for one vector per image.
    """

    #: Unique name
    name: str
    #: Other names that configs may use
    aliases: Sequence[str] = ()
    #: `{task name: title}` of the tasks that have this kind unless a head or a config states another
    tasks: Mapping[str, str] = {}
    #: Unit of the values, `''` if they have none
    unit: str = ""
    #: Value of pixels without a label
    void: float = 0
    #: The metric that represents a task of this kind in short comparisons; `None` if there is no such metric
    headline: str | None = None
    #: What the baseline predicts that ignores the image; see `evaluation/trivial.py`
    trivial_predictor: str | None = None
    #: The options of `LabelOptions` that matter to this kind
    label_options: Sequence[str] = ()
    #: Whether `to_label` returns a confidence
    has_confidence: bool = False
    #: Whether the channels of scores are classes
    has_classes: bool = False
    #: Ending of label files, `'.png'` or `'.npy'`
    suffix: str = ".npy"
    #: Whether videos show the painted map over the frame instead of next to it
    over_frame: bool = False

    # ---- from raw outputs to predictions ----

    def to_scores(self, raw: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Convert a network's raw output to scores: values that can be averaged over models and views.

        Args:
            raw: Raw output, (N, K, h, w) or (N, K).
            size: (H, W) to resize maps to first (bilinear); `None` to keep their size.

        Returns:
            Scores, (N, K, H, W) or (N, K), float32 if resized.
        """
        return raw if size is None else resize_raw(raw, size)

    def from_scores(self, scores: Tensor) -> Tensor:
        """Convert averaged scores to a prediction in the shape of the label."""
        return scores

    def to_prediction(self, raw: Tensor) -> Tensor:
        """Convert a raw output to a prediction; the same as `from_scores(to_scores(raw))`, but faster."""
        return self.to_scores(raw)

    def undo_mirror(self, scores: Tensor) -> Tensor:
        """Convert scores of the horizontally mirrored image to scores of the image."""
        return scores.flip(-1)

    def undo_zoom(self, scores: Tensor, factor: float) -> Tensor:
        """Convert scores of the image enlarged by `factor`, already resized back, to scores of the image."""
        return scores

    # ---- labels ----

    def valid(self, label: Tensor) -> Tensor:
        """Pixels of a label (K, H, W) that have a value, bool (H, W); of a label (K,) a bool scalar."""
        return label.isfinite().all(0) & (label != self.void).any(0)

    def to_label(self, scores: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> tuple[Tensor, Tensor | None]:
        """Convert a teacher's scores to a label, rounded as if it had been stored in a file.

        Args:
            scores: Scores (N, K, H, W), as `to_scores` returns them.
            options: The kind's label options.

        Returns:
            Labels (N, K', H, W), and their confidence, uint8 (N, 1, H, W) with 255 for certain, or `None`.
        """
        return scores.clone(), None  # autograd cannot save the inference tensors of a teacher for the backward pass

    def soft_target(self, scores: Tensor) -> Tensor:
        """Convert a teacher's scores to the target of a head's `soft_loss`."""
        return scores.clamp(min=1e-7).log() if self.has_classes else scores

    def describe(self, labels: Sequence[Tensor], meta: Meta) -> str:
        """The range of some labels in a few words, for the log.

        Args:
            labels: Labels (K, H, W) or (K,), with at least one valid pixel.
            meta: The part of the dataset's METAINFO that describes the task.
        """
        values = self.valid_values(labels)
        return f"{values.min().item():.3g} to {values.max().item():.3g} {self.unit}".rstrip()

    def implausible(self, labels: Sequence[Tensor], meta: Meta) -> str | None:
        """Why some labels are probably wrong, as a sentence for a warning; None if they look right.

        Args:
            labels: Labels with at least one valid pixel, as for `describe`.
            meta: As for `describe`.
        """
        return None

    def valid_values(self, labels: Sequence[Tensor]) -> Tensor:
        """The values of all valid pixels, (K, number of pixels)."""
        plain = [label.as_subclass(Tensor) for label in labels]
        return torch.cat([label.reshape(len(label), -1)[:, self.valid(label).reshape(-1)] for label in plain], dim=1)

    # ---- files ----

    def encode(self, values: np.ndarray, options: LabelOptions = DEFAULT_OPTIONS) -> np.ndarray | None:
        """Convert a map to the values of a PNG file.

        Args:
            values: A label or prediction, (K, H, W) or (H, W).
            options: The kind's label options.

        Returns:
            uint8 or uint16 (H, W), or uint8 (H, W, 3); `None` if a PNG cannot hold the map.
        """
        values = without_channel(values)
        return values if values.dtype == np.uint8 and values.ndim == 2 else None

    def encode_scores(self, scores: np.ndarray, label: np.ndarray, options: LabelOptions) -> np.ndarray | None:
        """Convert scores (K, H, W) and the label that `to_label` made of them to the values of a PNG file."""
        return self.encode(label, options)

    def decode(self, stored: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> Tensor:
        """Convert the values of a file to a label.

        Args:
            stored: uint8 or uint16 (C, H, W) from a PNG, or the array of an NPY file.
            options: The kind's label options.

        Returns:
            A tensor that torchvision's transforms move with the image, for example `DenseMap`.

        Raises:
            ValueError: The values do not fit the kind.
        """
        if not stored.is_floating_point():
            stored = stored.to(torch.float32).div_(torch.iinfo(stored.dtype).max)
        return DenseMap(stored)

    def write(self, path: str | Path, values: np.ndarray, options: LabelOptions = DEFAULT_OPTIONS) -> Path:
        """Write a map to a PNG or NPY file, depending on the ending of `path`.

        A map that a PNG cannot hold is written to an NPY file instead.

        Returns:
            The path of the file that was written.
        """
        path = Path(path)
        return write_stored(path, self.encode(values, options) if path.suffix == ".png" else None, values)

    def read(self, path: str | Path, options: LabelOptions = DEFAULT_OPTIONS) -> Tensor:
        """Read a label from a PNG, TIFF or NPY file; see `decode`."""
        stored, orientation = read_stored_image(path)
        return turn(self.decode(stored, options), orientation)

    # ---- pictures ----

    def paint(self, maps: Sequence[np.ndarray], meta: Meta) -> Painted:
        """Paint maps of one image, for example ground truth and prediction, with the same range of colours.

        Args:
            maps: Arrays (K, H, W), or (K,) for one vector per image.
            meta: The part of the dataset's METAINFO that describes the task: `classes`, `palette`.
        """
        raise NotImplementedError(f"The kind {self.name!r} has no paint(maps, meta).")

    def frame_painter(self, meta: Meta) -> Callable[[np.ndarray], np.ndarray]:
        """A function that paints the maps (K, H, W) of successive video frames as uint8 (H, W, 3).

        With a fourth channel, the opacity, the picture is placed over the darkened frame; see `Painted`. The function
        may keep state from frame to frame, such as the range of depths, so that colours do not flicker.
        """
        return lambda values: np.asarray(self.paint([values], meta).pictures[0])

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def resize_raw(raw: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize raw outputs (N, K, h, w) bilinearly, in float32; vectors (N, K) keep their shape."""
    if raw.ndim == 4 and tuple(raw.shape[-2:]) != tuple(size):
        raw = F.interpolate(raw.float(), tuple(size), mode="bilinear", align_corners=False)
    return raw.float()


def without_channel(values: np.ndarray) -> np.ndarray:
    """(H, W) for a map (1, H, W); other arrays are returned unchanged."""
    return values[0] if values.ndim == 3 and len(values) == 1 else values


def write_stored(path: Path, stored: np.ndarray | None, values: np.ndarray) -> Path:
    """Write `stored` to a PNG file, or `values` to an NPY file if `stored` is `None`; returns the path."""
    if stored is not None:
        write_png(path, stored)
        return path
    path = path.with_suffix(".npy") if path.suffix == ".png" else path
    write_file(path, lambda file: np.save(file, values))
    return path
