"""The difference between what a backend and the network itself compute."""

from typing import Any

import torch
from torch import Tensor

from mtl_plugins.kernels import without_kernels
from mtl_plugins.models import InferenceNetwork
from mtl_plugins.structures import named_leaves

from .backend import Backend


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
    found = _by_name(given)
    return {name: difference(found[name], tensor) for name, tensor in _by_name(wanted).items()}


def _by_name(outputs: dict[str, Any]) -> dict[str, Tensor]:
    return {name: leaf for task, tree in outputs.items() for name, leaf in named_leaves(tree, task).items()}


def difference(given: Tensor, wanted: Tensor) -> float:
    """The largest absolute difference as a share of the range of `wanted`; for class ids, the share that differs."""
    if given.shape != wanted.shape:
        raise ValueError(f"cannot compare outputs of shape {tuple(given.shape)} with {tuple(wanted.shape)}.")
    given = given.to(wanted.device)
    if not wanted.is_floating_point():
        return float((given != wanted).float().mean())
    spread = float(wanted.max() - wanted.min())
    return float((given.float() - wanted.float()).abs().max()) / (spread or 1.0)
