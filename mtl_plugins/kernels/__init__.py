"""Custom C++ kernels for operations that are slow on the CPU, with PyTorch's operators as the fallback.

`warm_up` compiles and loads them; `fits` decides whether a tensor can use them.
"""

from .fits import LANE, fits, is_plain, without_kernels
from .library import kernel_library, warm_up
from .narrow_conv import NarrowConv2d
from .pooling import depthwise_crp, max_pool
from .resized_cross_entropy import resized_cross_entropy
from .scaled_conv import scaled_conv
from .scaled_relu6 import scaled_relu6
from .strided_depthwise_conv import StridedDepthwiseConv2d

__all__ = [
    "LANE",
    "NarrowConv2d",
    "StridedDepthwiseConv2d",
    "depthwise_crp",
    "fits",
    "is_plain",
    "kernel_library",
    "max_pool",
    "resized_cross_entropy",
    "scaled_conv",
    "scaled_relu6",
    "warm_up",
    "without_kernels",
]
