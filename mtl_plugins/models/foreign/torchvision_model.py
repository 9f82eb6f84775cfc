import torchvision
from torch import Tensor

from mtl_plugins.registry import MODELS

from .foreign_model import ForeignModel


@MODELS.register_module()
class TorchvisionModel(ForeignModel):
    """A segmentation model of torchvision, by its name there (``'deeplabv3_resnet50'``).

    Args:
        name: One of ``torchvision.models.list_models(torchvision.models.segmentation)``.
        num_classes: Channels of its output.
        task: What it predicts.
        data_preprocessor: The network's mean and std; ImageNet's by default.
        **options: Further options of the model. Weights come from the teacher's checkpoint, not from a hub.
    """

    def __init__(
        self,
        name: str,
        num_classes: int = 21,
        task: str = "semseg",
        data_preprocessor: dict | None = None,
        **options,
    ):
        super().__init__({task: "classes"}, data_preprocessor)
        known = torchvision.models.list_models(torchvision.models.segmentation)
        if name not in known:
            raise ValueError(f"TorchvisionModel: name={name!r} is no segmentation model of torchvision: {known}.")
        options = dict(weights=None, weights_backbone=None) | options
        self.network = torchvision.models.get_model(name, num_classes=num_classes, **options)

    def raw(self, images: Tensor) -> dict[str, Tensor]:
        return {self.tasks[0]: self.network(images)["out"]}
