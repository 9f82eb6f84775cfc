from itertools import combinations

from torch import Tensor

from mtl_plugins.kinds import find_kind
from mtl_plugins.registry import MODELS

from .dense_head import DenseHead
from .of_dataset import of_dataset


@MODELS.register_module()
class SegmentationHead(DenseHead):
    """One class a pixel: logits (N, num_classes, h, w); the prediction is the class id (N, 1, H, W).

    Args:
        num_classes: Classes of all datasets together.
        ranges: ``{dataset: (first, end)}`` where datasets share the head (``MultiDataset``): loss and prediction of an
            image look at the logits ``first ... end - 1`` alone, so no class of another dataset is ever predicted;
            labels and predictions count from 0 within the range.
    """

    kind = "classes"

    def __init__(
        self,
        *args,
        num_classes: int,
        ranges: dict[str, tuple[int, int]] | None = None,
        loss=dict(type="CrossEntropyLoss"),  # noqa: B006
        **kwargs,
    ):
        super().__init__(*args, out_channels=num_classes, loss=loss, **kwargs)
        self.ranges = {name: tuple(ends) for name, ends in (ranges or {}).items()}
        for name, ends in self.ranges.items():
            if len(ends) != 2 or not 0 <= ends[0] < ends[1] <= num_classes:
                raise ValueError(
                    f"SegmentationHead: ranges[{name!r}]={ends} must be (first, end) within the {num_classes} classes."
                )

        for (name, one), (other, two) in combinations(self.ranges.items(), 2):
            if one != two and max(one[0], two[0]) < min(one[1], two[1]):
                raise ValueError(
                    f"SegmentationHead: the ranges of {name} {one} and {other} {two} overlap: datasets share all of "
                    f"their classes (the same range) or none."
                )

    @property
    def num_classes(self):
        return self.out_channels

    @property
    def datasets(self) -> tuple[str, ...]:
        return tuple(self.ranges)

    def select(self, outputs: Tensor, dataset: str | None) -> Tensor:
        return outputs if not self.ranges else outputs[:, slice(*of_dataset(self.ranges, dataset, "ranges"))]

    def scores(self, outputs: Tensor, size: tuple[int, int]) -> Tensor:
        return find_kind(self.kind).to_scores(self.resize(outputs.float(), size))
