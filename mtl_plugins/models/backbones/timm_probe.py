"""Finding out which image sizes a timm model supports, and the form of its features, without computing anything."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import timm
import torch
from torch import nn

# What an image size may have to be a multiple of: nothing, a stride, a patch size, a stride times a window size.
_DIVISORS = (1, 32, 64, 14, 224, 256)
_PROBE_SIZE = (448, 1792)  # a multiple of every divisor, and wide, so that height and width cannot be confused
_ODD_SIZE = (370, 1226)


class Feature(NamedTuple):
    """One feature map of an extractor.

    Attributes:
        channels: Number of channels.
        stride: Image size / feature size.
        channels_last: Whether its shape is (N, H, W, C) instead of (N, C, H, W).
    """

    channels: int
    stride: int
    channels_last: bool


class Probe(NamedTuple):
    """What is known about an extractor.

    Attributes:
        divisor: Images must be padded to a multiple of this size.
        fixed_size: The only supported (H, W); None if other sizes are supported.
        features: Its feature maps, in timm's order.
    """

    divisor: int
    fixed_size: tuple[int, int] | None
    features: tuple[Feature, ...]


def probe_extractor(extractor: nn.Module, model_name: str, img_size: int | Sequence[int] | None = None) -> Probe:
    """Run an extractor on the meta device, which computes only shapes.

    Args:
        extractor: A module on the meta device, from `build_extractor`.
        model_name: Name of the timm model.
        img_size: The size, or (H, W), that the model was built for; timm's default for the model if None.

    Raises:
        ValueError: The model has no feature maps, or cannot compute images of `img_size`.
    """
    extractor.eval()
    errors: list[Exception | str] = []
    for divisor in _DIVISORS:
        odd = [-(-n // divisor) * divisor for n in _ODD_SIZE]
        if _shapes(extractor, odd, errors) and (shapes := _shapes(extractor, _PROBE_SIZE, errors)):
            return Probe(divisor, None, _features(extractor, shapes, _PROBE_SIZE))
    config = timm.get_pretrained_cfg(model_name)
    if img_size is not None:
        height, width = [img_size, img_size] if isinstance(img_size, int) else img_size
    else:
        height, width = config.input_size[-2:] if config is not None else (224, 224)
    if shapes := _shapes(extractor, (height, width), errors):
        return Probe(1, (height, width), _features(extractor, shapes, (height, width)))
    if img_size is not None:
        raise ValueError(unsupported_size(model_name, img_size, errors[-1]))
    raise ValueError(f"{model_name} has no features that a dense network can read: {errors[-1]}")


def unsupported_size(model_name: str, img_size: int | Sequence[int], error: Exception | str) -> str:
    """The message for a model that cannot be built for, or compute, images of `img_size`."""
    reason = (str(error).splitlines() or [""])[0] or type(error).__name__
    return (
        f"{model_name} does not support img_size={img_size}: {reason[:200].rstrip('.')}. Choose another size, such as "
        f"a multiple of 32 or 224; some models need squares. Without img_size, the model has its own size."
    )


def _shapes(model, size, errors):
    try:
        with torch.no_grad():
            features = model(torch.zeros(1, 3, *size, device="meta"))
    except Exception as error:  # models refuse a size in many ways
        errors.append(error)
        return None
    features = list(features.values()) if isinstance(features, dict) else features
    shapes = [tuple(feature.shape) for feature in features]
    if any(len(shape) != 4 for shape in shapes):
        errors.append(f"features of shape {shapes}, not (N, C, H, W)")
        return None
    return shapes


def _features(extractor: nn.Module, shapes: Sequence[tuple[int, ...]], size: tuple[int, int]) -> tuple[Feature, ...]:
    features = tuple(_measure(shape, size) for shape in shapes)
    info: Any = getattr(extractor, "feature_info", None)
    if info is None or len(info.channels()) != len(shapes):
        return features
    # timm provides channels and strides of most models. They are ignored if the computed features contradict them.
    stated = zip(info.channels(), info.reduction(), strict=True)
    return tuple(
        Feature(channels, stride, feature.channels_last)
        if channels == feature.channels and round(size[0] / stride) == round(size[0] / feature.stride)
        else feature
        for feature, (channels, stride) in zip(features, stated, strict=True)
    )


def _measure(shape: Sequence[int], size: Sequence[int]) -> Feature:
    last = _is_channels_last(shape, size)
    height = shape[1] if last else shape[2]
    return Feature(shape[-1] if last else shape[1], max(1, round(size[0] / height)), last)


def _is_channels_last(shape, size):
    """Whether the shape is (N, H, W, C): height and width have the aspect ratio of the image."""
    aspect = size[1] / size[0]

    def deviation(height, width):
        return abs(width / height / aspect - 1) if height > 1 or width > 1 else 0.0

    return deviation(shape[1], shape[2]) < deviation(shape[2], shape[3])
