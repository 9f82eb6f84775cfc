from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models._efficientnet_builder import decode_arch_def
from timm.models.efficientnet import EfficientNet
from torch import nn

# One string a stage, in timm's notation. The first stage is what sets the authors' encoder apart from timm's
# `mobilenetv2_100`: an inverted residual with expansion 1, so it has a 1x1 convolution that timm's leaves out.
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
            "mean": (0.485, 0.456, 0.406),
            "std": (0.229, 0.224, 0.225),
            "first_conv": "conv_stem",
            "classifier": "classifier",
        }
    }
)


@register_model
def mobilenetv2_hydranet(pretrained=False, **kwargs):
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
        feature_cfg=dict(flatten_sequential=True),  # features_only counts the stages inside `blocks`
        **model_kwargs,
    )
