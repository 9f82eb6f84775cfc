"""Own kernels for what profiles showed to be slow on the CPU: compiled where there is a compiler, else PyTorch's."""

from .fits import LANE, fits, is_plain, without_kernels
from .library import kernel_library
from .narrow_conv import NarrowConv2d
from .pooling import depthwise_crp, max_pool
from .resized_cross_entropy import resized_cross_entropy
from .scaled_conv import scaled_conv

__all__ = [
    "LANE",
    "NarrowConv2d",
    "depthwise_crp",
    "fits",
    "is_plain",
    "kernel_library",
    "max_pool",
    "resized_cross_entropy",
    "scaled_conv",
    "without_kernels",
]
