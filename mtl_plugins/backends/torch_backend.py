import copy
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from mtl_plugins.models import InferenceNetwork

from .backend import Backend
from .build_options import BuildOptions
from .signature import Signature

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchBackend(Backend):
    """Eager PyTorch on the network's device.

    Args:
        network: The network.
        precision: Precision of the weights.
    """

    name = "torch"
    precisions = tuple(DTYPES)

    def __init__(self, network: InferenceNetwork, precision: str = "float32"):
        super().__init__(Signature.of(network, precision))
        self.dtype = DTYPES[precision]
        self.network: Any = in_precision(network, precision)
        self.device = next(network.parameters()).device

    @classmethod
    def build(cls, network: InferenceNetwork, options: BuildOptions, **settings: Any) -> "TorchBackend":
        return cls(network, options.precision, **settings)

    @torch.inference_mode()
    def _compute(self, images: Tensor) -> dict[str, Any]:
        return tree_map(as_float32, self.network(as_input(images, self.dtype, self.device)))


def in_precision(network: InferenceNetwork, precision: str) -> InferenceNetwork:
    """The network with weights in `precision`; a copy unless they already are."""
    dtype = DTYPES[precision]
    if all(parameter.dtype == dtype for parameter in network.parameters()):
        return network
    return copy.deepcopy(network).to(dtype)


def as_input(images: Tensor, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Images in channels-last layout on `device`; floating-point images also in `dtype`."""
    images = images.to(device, images.dtype if images.dtype == torch.uint8 else dtype, non_blocking=True)
    return images.contiguous(memory_format=torch.channels_last)


def as_float32(output: Tensor) -> Tensor:
    """Floating-point outputs as float32; class ids stay unchanged."""
    return output.float() if output.is_floating_point() else output
