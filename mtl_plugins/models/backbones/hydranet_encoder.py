from typing import Any

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models._efficientnet_builder import decode_arch_def
from timm.models.efficientnet import EfficientNet
from torch import nn

# One string per stage, in timm's notation. Only the first stage differs from timm's `mobilenetv2_100`: it is an
# inverted residual with expansion 1, which has a 1x1 convolution that timm's model omits.
_STAGES = (
    "ir_r1_k3_s1_e1_c16",
    "ir_r2_k3_s2_e6_c24",
    "ir_r3_k3_s2_e6_c32",
    "ir_r4_k3_s2_e6_c64",
    "ir_r3_k3_s1_e6_c96",
    "ir_r3_k3_s2_e6_c160",
    "ir_r1_k3_s1_e6_c320",
)

default_cfgs = generate_default_cfgs(
    {
        "mobilenetv2_hydranet.untrained": {
            "input_size": (3, 224, 224),
            "mean": IMAGENET_DEFAULT_MEAN,
            "std": IMAGENET_DEFAULT_STD,
            "first_conv": "conv_stem",
            "classifier": "classifier",
        }
    }
)


@register_model
def mobilenetv2_hydranet(pretrained: bool = False, **kwargs: Any) -> EfficientNet:
    """The MobileNet-v2 of HydraNet's authors (Nekrasov et al., ICRA 2019, arXiv 1809.04766), as a timm model."""
    model_kwargs = dict(
        block_args=decode_arch_def([[stage] for stage in _STAGES]),
        num_features=1280,
        stem_size=32,
        act_layer=nn.ReLU6,
        **kwargs,
    )
    return build_model_with_cfg(
        EfficientNet,
        "mobilenetv2_hydranet",
        pretrained,
        feature_cfg=dict(flatten_sequential=True),  # features_only counts the stages in `blocks`
        **model_kwargs,
    )
