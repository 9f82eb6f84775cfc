from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.kinds import find_kind
from mtl_plugins.kinds.panoptic import to_pixels
from mtl_plugins.registry import MODELS

from .dense_head import DenseHead


@MODELS.register_module()
class PanopticHead(DenseHead):
    """Classes and instances as in Panoptic-DeepLab (Cheng et al., CVPR 2020).

    The raw output (N, num_classes + 3, h, w) has the class logits, a heat map of the instances' centres, and for each
    pixel the offset to the centre of its instance as a share of the image's size (rows, columns). The prediction groups
    the pixels of objects by the centre that is nearest to where their offset points: ids `class * 1000 + instance`,
    int32 (N, 1, H, W). The label has the same ids; `PanopticFromInstances` makes it from classes and instances.

    Args:
        in_channels: As for `DenseHead`.
        in_strides: As for `DenseHead`.
        num_classes: Number of classes.
        stuff_classes: Ids of the classes that have no instances, such as wall and floor.
        loss: As for `DenseHead`; the losses get the complete raw output and the ids.
        **kwargs: As for `DenseHead`.

    Raises:
        ValueError: A stuff class does not exist.
    """

    kind = "panoptic"
    _is_thing: Tensor

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        *,
        num_classes: int,
        stuff_classes: Sequence[int] = (),
        loss: dict | Sequence[dict] = (  # noqa: B006
            dict(type="SegmentClassLoss"),
            dict(type="CentreLoss", loss_weight=200.0),
            dict(type="OffsetLoss", loss_weight=10.0),
        ),
        **kwargs: Any,
    ):
        super().__init__(in_channels, in_strides, out_channels=num_classes + 3, loss=loss, **kwargs)
        unknown = [c for c in stuff_classes if not 0 <= c < num_classes]
        if unknown:
            raise ValueError(
                f"PanopticHead: stuff_classes={list(stuff_classes)} has {unknown}, but the {num_classes} classes are 0 "
                f"to {num_classes - 1}."
            )
        self.stuff_classes = tuple(stuff_classes)
        is_thing = torch.ones(num_classes, dtype=torch.bool)
        is_thing[list(stuff_classes)] = False
        self.register_buffer("_is_thing", is_thing, persistent=False)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.out_channels - 3

    def predict(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        return self.from_scores(self.scores(outputs, size))

    def scores(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        """Probabilities of objects and of stuff of each class, centres and offsets; see `panoptic_map`."""
        outputs = self.resize(outputs.float(), size, "bilinear")
        probabilities, things = outputs[:, :-3].softmax(1), self._is_thing.view(-1, 1, 1)
        parts = [probabilities * things, probabilities * ~things, outputs[:, -3:-2], to_pixels(outputs[:, -2:])]
        return torch.cat(parts, dim=1)

    def from_scores(self, scores: Tensor) -> Tensor:
        return find_kind(self.kind).from_scores(scores)
