from typing import Any

import torch
from torch import Tensor

from mtl_plugins.models import InferenceNetwork

from .torch_backend import TorchBackend


class CompileBackend(TorchBackend):
    """`torch.compile`, which needs a C++ compiler on a CPU.

    The first call takes up to a minute, and so does the first call with a second size.

    Args:
        network: The network.
        precision: Precision of the weights.
        **options: Options of `torch.compile` (`mode='max-autotune'`, `dynamic=True`).
    """

    name = "compile"

    def __init__(self, network: InferenceNetwork, precision: str = "float32", **options: Any):
        super().__init__(network, precision)
        self.network = torch.compile(self.network, **options)

    def _compute(self, images: Tensor) -> dict[str, Any]:
        # With freezing, weights become constants: batch norm is folded and ReLU6 is fused into the convolutions. The
        # setting is read whenever a new size is compiled, and torch.compile's own options do not reach the tracer.
        from torch._inductor import config

        with config.patch(freezing=self.device.type == "cpu"):
            try:
                return super()._compute(images)
            except RuntimeError as error:
                if "CxxCompiler" not in str(error):
                    raise
                raise ImportError(
                    "the backend 'compile' needs a C++ compiler on the CPU: install g++, set CXX to a compiler, or use "
                    "the backend 'torch'."
                ) from error
