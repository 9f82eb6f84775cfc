from typing import Any

import torchvision
from torch import Tensor

from mtl_plugins.registry import MODELS

from .foreign_model import ForeignModel


@MODELS.register_module()
class TorchvisionModel(ForeignModel):
    """A segmentation model of torchvision.

    Args:
        name: A name from `torchvision.models.list_models(torchvision.models.segmentation)`, such as
            `'deeplabv3_resnet50'`.
        num_classes: Channels of the output.
        task: Name of the task.
        data_preprocessor: Config with the mean and std of the network; ImageNet's by default.
        **options: Further options of the model. Weights come from the teacher's checkpoint, not from a hub.

    Raises:
        ValueError: Unknown name.
    """

    def __init__(
        self,
        name: str,
        num_classes: int = 21,
        task: str = "semseg",
        data_preprocessor: dict | None = None,
        **options: Any,
    ):
        super().__init__({task: "classes"}, data_preprocessor)
        known = torchvision.models.list_models(torchvision.models.segmentation)
        if name not in known:
            raise ValueError(f"TorchvisionModel: name={name!r} is not a segmentation model of torchvision: {known}.")
        options = dict(weights=None, weights_backbone=None) | options
        self.network = torchvision.models.get_model(name, num_classes=num_classes, **options)

    def raw(self, images: Tensor) -> dict[str, Tensor]:
        return {self.tasks[0]: self.network(images)["out"]}
