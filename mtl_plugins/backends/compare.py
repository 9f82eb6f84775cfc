"""The difference between what a backend and the network itself compute."""

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from mtl_plugins.kernels import without_kernels
from mtl_plugins.models import InferenceNetwork

from .backend import Backend
from .signature import Signature, name_outputs


@torch.inference_mode()
def compare(network: InferenceNetwork, backend: Backend, images: Tensor) -> dict[str, float]:
    """The difference of each output tensor, by name, between a backend and PyTorch's operators.

    Args:
        network: The network that the backend was built from.
        backend: The backend.
        images: Images as the network takes them.

    Returns:
        `difference` by the name of the output: the task, or `<task>.<key>` if the head returns several tensors.
    """
    given = backend(images)
    with without_kernels():
        wanted = network(images)
    names = Signature(network.tasks, structure=name_outputs(wanted)).outputs
    leaves = zip(names, tree_leaves(given), tree_leaves(wanted), strict=True)
    return {name: difference(one, other) for name, one, other in leaves}


def difference(given: Tensor, wanted: Tensor) -> float:
    """The largest absolute difference as a share of the range of `wanted`; for class ids, the share that differs."""
    if given.shape != wanted.shape:
        raise ValueError(f"cannot compare outputs of shape {tuple(given.shape)} with {tuple(wanted.shape)}.")
    given = given.to(wanted.device)
    if not wanted.is_floating_point():
        return float((given != wanted).float().mean())
    spread = float(wanted.max() - wanted.min())
    return float((given.float() - wanted.float()).abs().max()) / (spread or 1.0)
