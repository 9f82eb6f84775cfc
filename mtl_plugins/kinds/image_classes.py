"""One class per image."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mtl_plugins.structures import ImageLabel

from .kind import Kind, Meta
from .kind_registry import register_kind
from .label_options import DEFAULT_OPTIONS, LabelOptions
from .painted import Painted

_TILE = (240, 320)  # height and width of the painted picture
_BACKGROUND = (238, 239, 241)
_INK = (32, 33, 36)


@register_kind
class ImageClasses(Kind):
    """One class per image: logits (N, K), probabilities as scores, class ids (N, 1) int64 as prediction.

    Labels are int64 (1,), -1 is void. Files are NPY.
    """

    name = "image_classes"
    tasks = {"scene": "scene"}
    void = -1
    has_classes = True

    def to_scores(self, raw: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Probabilities (softmax over the classes)."""
        return super().to_scores(raw, size).softmax(dim=1)

    def from_scores(self, scores: Tensor) -> Tensor:
        """The most probable class, int64 (N, 1)."""
        return scores.argmax(dim=1, keepdim=True)

    def to_prediction(self, raw: Tensor) -> Tensor:
        """The class with the largest logit."""
        return self.from_scores(raw)

    def undo_mirror(self, scores: Tensor) -> Tensor:
        """The scores: a mirrored image has the same class."""
        return scores

    def to_label(self, scores: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> tuple[Tensor, Tensor | None]:
        """The most probable class."""
        return self.from_scores(scores), None

    def decode(self, stored: Tensor, options: LabelOptions = DEFAULT_OPTIONS) -> Tensor:
        """The class id as `ImageLabel`, int64 (1,)."""
        return ImageLabel(stored.long().reshape(1))

    def paint(self, maps: Sequence[np.ndarray], meta: Meta) -> Painted:
        """Write the name of the class, or its id if it has no name, on a tile."""
        names = dict(enumerate(meta.get("classes") or ()))
        ids = [int(np.reshape(label, -1)[0]) for label in maps]
        return Painted([paint_text("void" if i == self.void else str(names.get(i, i))) for i in ids])


def paint_text(text: str, size: tuple[int, int] = _TILE) -> np.ndarray:
    """A tile with centred text, uint8 (H, W, 3)."""
    height, width = size
    tile = Image.new("RGB", (width, height), _BACKGROUND)
    font = ImageFont.load_default(max(12, min(height // 8, round(1.6 * width / max(len(text), 1)))))
    ImageDraw.Draw(tile).text((width / 2, height / 2), text, _INK, font, anchor="mm")
    return np.asarray(tile).copy()
