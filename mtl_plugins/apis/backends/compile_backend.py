import torch

from mtl_plugins.models import InferenceNetwork

from .torch_backend import TorchBackend


class CompileBackend(TorchBackend):
    """``torch.compile``, which needs a C++ compiler on a CPU. The first images of a size take up to a minute.

    Args:
        network, precision: As for ``TorchBackend``.
        **options: Of ``torch.compile`` (``mode='max-autotune'``, ``dynamic=True``).
    """

    name = "compile"

    def __init__(self, network: InferenceNetwork, precision: str = "float32", **options):
        super().__init__(network, precision)
        self.network = torch.compile(self.network, **options)

    @classmethod
    def build(cls, network, size, precision="float32", batch=1, fixed_size=True, **options):
        if not fixed_size:
            options.setdefault("dynamic", True)
        return cls(network, precision, **options)
