import segmentation_models_pytorch as smp
import torch.nn.functional as F
from torch import Tensor

from mtl_plugins.registry import MODELS

from .foreign_model import ForeignModel


@MODELS.register_module()
class SMPModel(ForeignModel):
    """A model of segmentation-models-pytorch.

    Args:
        arch: ``'Unet'``, ``'DeepLabV3Plus'``, ``'Segformer'``, ... (``smp.create_model``).
        encoder_name: Its encoder.
        classes: Channels of its output.
        task, kind: What it predicts.
        data_preprocessor: The network's mean and std; ImageNet's by default.
        **options: Further options of ``smp.create_model``. Weights come from the teacher's checkpoint, not from a hub.

    Images whose size its encoder can't take are padded, and its output is cut.
    """

    def __init__(
        self,
        arch: str,
        encoder_name: str = "resnet34",
        classes: int = 1,
        task: str = "semseg",
        kind: str = "classes",
        data_preprocessor: dict | None = None,
        **options,
    ):
        super().__init__({task: kind}, data_preprocessor)
        options.setdefault("encoder_weights", None)
        try:
            self.network = smp.create_model(arch, encoder_name=encoder_name, classes=classes, **options)
        except KeyError as error:
            raise ValueError(f"SMPModel: segmentation-models-pytorch answers {error}") from error
        self.stride = getattr(getattr(self.network, "encoder", None), "output_stride", 32)

    def raw(self, images: Tensor) -> dict[str, Tensor]:
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % self.stride, 0, -height % self.stride))
        return {self.tasks[0]: self.network(padded)[..., :height, :width]}
