from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mtl_plugins.registry import MODELS

from .dense_head import DenseHead
from .setting_of_dataset import setting_of_dataset


@MODELS.register_module()
class DepthHead(DenseHead):
    """Metric depth: a linear output (N, 1, h, w) in metres. The prediction is its absolute value, as in the paper.

    Args:
        in_channels: As for `DenseHead`.
        in_strides: As for `DenseHead`.
        scales: Metres that an output of 1 stands for, by dataset name (`MultiDataset`), if the ranges of the datasets
            differ widely: `dict(nyud=1, kitti=8)`. By default an output of 1 is one metre.
        loss: As for `DenseHead`.
        **kwargs: As for `DenseHead`.

    Raises:
        ValueError: A scale is not positive.
    """

    kind = "metric_depth"

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        *,
        scales: dict[str, float] | None = None,
        loss: dict | Sequence[dict] = dict(type="InverseHuberLoss"),  # noqa: B006
        **kwargs: Any,
    ):
        super().__init__(in_channels, in_strides, out_channels=1, loss=loss, **kwargs)
        self.scales = dict(scales or {})
        if any(scale <= 0 for scale in self.scales.values()):
            raise ValueError(f"DepthHead: scales={self.scales} must be positive numbers of metres.")

    @property
    def datasets(self) -> tuple[str, ...]:
        return tuple(self.scales)

    def select(self, outputs: Tensor, dataset: str | None) -> Tensor:
        return outputs * setting_of_dataset(self.scales, dataset, "scales") if self.scales else outputs
