import torch
from torchvision import tv_tensors

from mtl_plugins.registry import TRANSFORMS
from mtl_plugins.structures import DenseMap, Intrinsics

_KNOWN = (tv_tensors.Image, tv_tensors.Mask, DenseMap, Intrinsics)


def build_transform(transform):
    """A transform of its config; what is callable already stays."""
    return TRANSFORMS.build(transform) if isinstance(transform, dict) else transform


def check_sample(sample):
    """Refuse tensors that torchvision's transforms would pass through unchanged, or take for an image.

    Raises:
        TypeError: naming the key and the type to use.
    """
    for key, value in sample.items():
        if isinstance(value, torch.Tensor) and not isinstance(value, _KNOWN):
            raise TypeError(
                f"sample[{key!r}] is a {type(value).__name__}, which transforms cannot move with the image. "
                "Wrap it: tv_tensors.Mask for class ids (255 void), mtl_plugins.structures.DenseMap for a "
                "map of numbers, or a subclass of DenseMap with kernels of its own; a number that is no map "
                "belongs into sample['meta']."
            )


class Pipeline:
    """Transforms one after the other, each taking and giving the sample dict.

    Args:
        transforms (list): transforms, or configs of them.
    """

    def __init__(self, transforms):
        self.transforms = [build_transform(transform) for transform in transforms]

    def __call__(self, sample):
        check_sample(sample)
        for transform in self.transforms:
            sample = transform(sample)
        return sample

    def __repr__(self):
        return "Pipeline(" + ", ".join(map(repr, self.transforms)) + ")"
