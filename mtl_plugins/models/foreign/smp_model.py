from typing import Any

import segmentation_models_pytorch as smp
import torch.nn.functional as F
from torch import Tensor

from mtl_plugins.registry import MODELS

from .foreign_model import ForeignModel


@MODELS.register_module()
class SMPModel(ForeignModel):
    """A model of segmentation-models-pytorch.

    Images whose size the encoder does not support are padded, and the output is cropped.

    Args:
        arch: `'Unet'`, `'DeepLabV3Plus'`, `'Segformer'`, ... (see `smp.create_model`).
        encoder_name: Name of the encoder.
        classes: Channels of the output.
        task: Name of the task.
        kind: Kind of the task (see `ForeignModel`).
        data_preprocessor: Config with the mean and std of the network; ImageNet's by default.
        **options: Further options of `smp.create_model`. Weights come from the teacher's checkpoint, not from a hub.

    Raises:
        ValueError: Unknown architecture or encoder.
    """

    def __init__(
        self,
        arch: str,
        encoder_name: str = "resnet34",
        classes: int = 1,
        task: str = "semseg",
        kind: str = "classes",
        data_preprocessor: dict | None = None,
        **options: Any,
    ):
        super().__init__({task: kind}, data_preprocessor)
        options.setdefault("encoder_weights", None)
        try:
            self.network = smp.create_model(arch, encoder_name=encoder_name, classes=classes, **options)
        except KeyError as error:
            raise ValueError(f"SMPModel: segmentation-models-pytorch does not know {error}") from error
        self.stride = getattr(getattr(self.network, "encoder", None), "output_stride", 32)

    def raw(self, images: Tensor) -> dict[str, Tensor]:
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % self.stride, 0, -height % self.stride))
        return {self.tasks[0]: self.network(padded)[..., :height, :width]}
