import torch

from mtl_plugins.models import InferenceNetwork

from .torch_backend import TorchBackend


class CompileBackend(TorchBackend):
    """``torch.compile``, which needs a C++ compiler on a CPU.

    The first images take up to a minute, and so do the first of a second size.

    Args:
        network, precision: As for ``TorchBackend``.
        **options: Of ``torch.compile`` (``mode='max-autotune'``, ``dynamic=True``).
    """

    name = "compile"

    def __init__(self, network: InferenceNetwork, precision: str = "float32", **options):
        super().__init__(network, precision)
        self.network = torch.compile(self.network, **options)

    def _compute(self, images):
        # Weights become constants: batch norm is folded, and ReLU6 goes into the convolutions. It is read whenever a
        # new size is compiled, and torch.compile's own options don't reach the tracer, which has to know of it too.
        from torch._inductor import config

        with config.patch(freezing=self.device.type == "cpu"):
            try:
                return super()._compute(images)
            except RuntimeError as error:
                if "CxxCompiler" not in str(error):
                    raise
                raise ImportError(
                    "the backend 'compile' needs a C++ compiler on the CPU: install g++, or name one in CXX, or take "
                    "the backend 'torch'."
                ) from error
