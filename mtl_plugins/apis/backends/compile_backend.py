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
