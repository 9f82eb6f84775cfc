from torch import Tensor

from mtl_plugins.registry import MODELS

from .dense_head import DenseHead
from .of_dataset import of_dataset


@MODELS.register_module()
class DepthHead(DenseHead):
    """Metric depth: a linear output in metres (N, 1, h, w); the prediction is its absolute value, as the authors'.

    Args:
        scales: ``{dataset: metres}`` that an output of 1 means for the images of a dataset (``MultiDataset``), where
            their ranges differ widely: ``dict(nyud=1, kitti=8)``. By default an output of 1 is a metre.
    """

    kind = "metric_depth"

    def __init__(
        self,
        *args,
        scales: dict[str, float] | None = None,
        loss=dict(type="InverseHuberLoss"),  # noqa: B006
        **kwargs,
    ):
        super().__init__(*args, out_channels=1, loss=loss, **kwargs)
        self.scales = dict(scales or {})
        if any(scale <= 0 for scale in self.scales.values()):
            raise ValueError(f"DepthHead: scales={self.scales}: metres, each above 0.")

    @property
    def datasets(self) -> tuple[str, ...]:
        return tuple(self.scales)

    def select(self, outputs: Tensor, dataset: str | None) -> Tensor:
        return outputs * of_dataset(self.scales, dataset, "scales") if self.scales else outputs
