from collections.abc import Callable, Sequence
from typing import Any

import torch
from torchvision import tv_tensors

from mtl_plugins.registry import TRANSFORMS
from mtl_plugins.structures import DenseMap, ImageLabel, Intrinsics

from ..sample_files import Sample

_SUPPORTED_TYPES = (tv_tensors.Image, tv_tensors.Mask, DenseMap, ImageLabel, Intrinsics)


def build_transform(transform: dict | Callable) -> Callable:
    """Build a transform from its config; returns callables unchanged."""
    return TRANSFORMS.build(transform) if isinstance(transform, dict) else transform


def check_sample(sample: Sample) -> None:
    """Refuse tensors that torchvision's transforms would leave unchanged or treat as an image.

    Raises:
        TypeError: A tensor has an unsupported type.
    """
    for key, value in sample.items():
        if isinstance(value, torch.Tensor) and not isinstance(value, _SUPPORTED_TYPES):
            raise TypeError(
                f"sample[{key!r}] is a {type(value).__name__}, which cannot be transformed with the image. Wrap it: "
                "tv_tensors.Mask for class ids (255 void), mtl_plugins.structures.DenseMap for a map of numbers, or a "
                "subclass of DenseMap with its own kernels; a number that is not a map belongs in sample['meta']."
            )


class Pipeline:
    """Applies transforms one after the other; each takes and returns the sample dict.

    Args:
        transforms: Transforms or their configs.
    """

    def __init__(self, transforms: Sequence[dict | Callable]):
        self.transforms = [build_transform(transform) for transform in transforms]

    def __call__(self, sample: Sample) -> Any:
        check_sample(sample)
        for transform in self.transforms:
            sample = transform(sample)
        return sample

    def __repr__(self) -> str:
        return "Pipeline(" + ", ".join(map(repr, self.transforms)) + ")"
