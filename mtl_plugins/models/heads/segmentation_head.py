from collections.abc import Sequence
from itertools import combinations
from typing import Any

from torch import Tensor

from mtl_plugins.kinds import find_kind
from mtl_plugins.registry import MODELS

from .dense_head import DenseHead
from .setting_of_dataset import setting_of_dataset


@MODELS.register_module()
class SegmentationHead(DenseHead):
    """One class per pixel: logits (N, num_classes, h, w). The prediction is the class id (N, 1, H, W).

    Args:
        in_channels: As for `DenseHead`.
        in_strides: As for `DenseHead`.
        num_classes: Number of classes of all datasets.
        ranges: The classes `(first, end)` of each dataset by name, if datasets share the head (`MultiDataset`). Loss
            and prediction of an image use only the logits `first ... end - 1`, so the classes of other datasets are
            never predicted. Labels and predictions count from 0 within the range.
        loss: As for `DenseHead`.
        **kwargs: As for `DenseHead`.

    Raises:
        ValueError: A range exceeds the classes, or two ranges overlap partly.
    """

    kind = "classes"

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        *,
        num_classes: int,
        ranges: dict[str, tuple[int, int]] | None = None,
        loss: dict | Sequence[dict] = dict(type="CrossEntropyLoss"),  # noqa: B006
        **kwargs: Any,
    ):
        super().__init__(in_channels, in_strides, out_channels=num_classes, loss=loss, **kwargs)
        self.ranges = {name: tuple(ends) for name, ends in (ranges or {}).items()}
        for name, ends in self.ranges.items():
            if len(ends) != 2 or not 0 <= ends[0] < ends[1] <= num_classes:
                raise ValueError(
                    f"SegmentationHead: ranges[{name!r}]={ends} must be (first, end) within the {num_classes} classes."
                )

        for (name, one), (other, two) in combinations(self.ranges.items(), 2):
            if one != two and max(one[0], two[0]) < min(one[1], two[1]):
                raise ValueError(
                    f"SegmentationHead: the ranges of {name} {one} and {other} {two} overlap: two datasets must share "
                    f"all of their classes (the same range) or none."
                )

    @property
    def num_classes(self) -> int:
        """Number of classes of all datasets."""
        return self.out_channels

    @property
    def datasets(self) -> tuple[str, ...]:
        return tuple(self.ranges)

    def select(self, outputs: Tensor, dataset: str | None) -> Tensor:
        return outputs if not self.ranges else outputs[:, slice(*setting_of_dataset(self.ranges, dataset, "ranges"))]

    def scores(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        return find_kind(self.kind).to_scores(self.resize(outputs.float(), size))
