from collections.abc import Mapping
from typing import Any

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models._efficientnet_builder import decode_arch_def
from timm.models.efficientnet import EfficientNet
from torch import Tensor, nn

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
        "mobilenetv2_hydranet.ra_in1k": {
            "hf_hub_id": "timm/mobilenetv2_100.ra_in1k",  # see `checkpoint_filter_fn`
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
        pretrained_filter_fn=checkpoint_filter_fn,
        feature_cfg=dict(flatten_sequential=True),  # features_only counts the stages in `blocks`
        **model_kwargs,
    )


def checkpoint_filter_fn(state_dict: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Convert the weights of timm's `mobilenetv2_100` so that this model computes the same.

    The only difference is the 1x1 convolution with batch norm and ReLU6 with which the first block begins. Its input,
    the ReLU6 of the stem, lies in 0 ... 6, so an identity matrix and a batch norm that returns its input change
    nothing. In training, batch norm uses the statistics of the batch. The running statistics are therefore those that
    the stem's output has if its input to ReLU6 is Gaussian: training then starts where evaluation is.

    Args:
        state_dict: The weights of `mobilenetv2_100`, or of this model, which are returned unchanged.
        model: This model.
    """
    own = model.state_dict()
    if "blocks.0.0.bn3.weight" in state_dict or "blocks.0.0.conv_dw.weight" not in state_dict:
        return dict(state_dict)
    renamed = {"bn1": "bn2", "conv_pw": "conv_pwl", "bn2": "bn3"}
    weights = {}
    for key, value in state_dict.items():
        part = key.removeprefix("blocks.0.0.").split(".")[0]
        weights[key.replace(part, renamed[part]) if key.startswith("blocks.0.0.") and part in renamed else key] = value
    mean, variance = relu6_moments(state_dict["bn1.bias"].double(), state_dict["bn1.weight"].double().abs())
    bn: Any = model.get_submodule("blocks.0.0.bn1")
    identity = torch.eye(len(mean), dtype=torch.float64)[:, :, None, None]
    first = {
        "conv_pw.weight": identity,
        "bn1.weight": (variance + bn.eps).sqrt(),
        "bn1.bias": mean,
        "bn1.running_mean": mean,
        "bn1.running_var": variance,
        "bn1.num_batches_tracked": torch.tensor(0),
    }
    dtype = torch.promote_types(state_dict["bn1.bias"].dtype, torch.float32)  # files may be in float16
    for name, value in first.items():
        key = f"blocks.0.0.{name}"
        if key in own:
            weights[key] = value.to(dtype) if value.is_floating_point() else value
    return weights


def relu6_moments(mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of ReLU6(x) for Gaussian x, element by element.

    Args:
        mean: Mean of x.
        std: Standard deviation of x, at least 0.

    Examples:
        >>> mean, variance = relu6_moments(torch.tensor([0.0]), torch.tensor([1.0]))
        >>> round(float(mean), 4), round(float(variance), 4)  # 1 / sqrt(2 pi), 1 / 2 - 1 / (2 pi)
        (0.3989, 0.3408)
    """
    safe = std.clamp_min(torch.finfo(std.dtype).tiny)
    low, high = -mean / safe, (6 - mean) / safe
    density_low, density_high = (torch.exp(-edge.square() / 2) / (2 * torch.pi) ** 0.5 for edge in (low, high))
    inside = torch.special.ndtr(high) - torch.special.ndtr(low)
    above = torch.special.ndtr(-high)
    first = mean * inside + std * (density_low - density_high) + 6 * above
    second = (mean**2 + std**2) * inside + std * (mean * density_low - (mean + 6) * density_high) + 36 * above
    return first, (second - first.square()).clamp_min(0)
