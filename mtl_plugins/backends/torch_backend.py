import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from mtl_plugins.models import InferenceNetwork

from .backend import Backend, Signature

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchBackend(Backend):
    """PyTorch as it is, on the network's device, with the weights in the precision asked for."""

    name = "torch"
    precisions = tuple(DTYPES)

    def __init__(self, network: InferenceNetwork, precision: str = "float32"):
        super().__init__(Signature.of(network, precision))
        self.dtype = DTYPES[precision]
        self.network = in_precision(network, precision)
        self.device = next(network.parameters()).device

    @classmethod
    def build(cls, network, size, precision="float32", batch=None, fixed_size=True, **options):
        return cls(network, precision, **options)

    @torch.inference_mode()
    def _compute(self, images: Tensor) -> Sequence[Tensor]:
        return as_answers(self.network(as_input(images, self.dtype, self.device)))


def in_precision(network: InferenceNetwork, precision: str) -> InferenceNetwork:
    """The network with its weights in a precision; a copy, unless it is so already."""
    dtype = DTYPES[precision]
    if all(parameter.dtype == dtype for parameter in network.parameters()):
        return network
    return copy.deepcopy(network).to(dtype)


def as_input(images: Tensor, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Images channels-last, and in the network's precision if they are no uint8."""
    images = images.to(device, images.dtype if images.dtype == torch.uint8 else dtype, non_blocking=True)
    return images.contiguous(memory_format=torch.channels_last)


def as_answers(outputs: Sequence[Tensor]) -> list[Tensor]:
    """Outputs of any floating precision as float32; class ids stay as they are."""
    return [output.float() if output.is_floating_point() else output for output in outputs]
