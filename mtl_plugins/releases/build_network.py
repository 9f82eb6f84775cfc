"""Building the network that a release describes, after a check that it is no larger than the weights of the release."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import ConfigDict
from torch import Tensor, nn
from torch.nn.modules.module import register_module_module_registration_hook

from mtl_plugins.engine import require_same_model
from mtl_plugins.files import DataError
from mtl_plugins.models import MultiTaskModel
from mtl_plugins.registry import MODELS

# Several copies are built, and activations, containers and dropout have no tensors.
_MODULES_PER_TENSOR, _MORE_MODULES = 16, 2000
_MOST_BUFFERS = 2**26  # elements of masks and tables that are not stored


def build_network(model: dict[str, Any], state: Mapping[str, Tensor], origin: str) -> MultiTaskModel:
    """Build a model with its initial weights, if it has exactly the tensors of `state`.

    The model is first built without memory for its tensors (on the meta device), so that a description with huge
    numbers cannot fill the memory.

    Args:
        model: The checked config of the model.
        state: The weights that the model will get.
        origin: Name of their file in error messages.

    Raises:
        DataError: The network cannot be built.
        ValueError: The network has other weights.
    """
    with _at_most(_MODULES_PER_TENSOR * len(state) + _MORE_MODULES):
        with torch.device("meta"):
            outline = _build(model, origin)
        require_same_model(outline, dict(state), origin)
        if sum(buffer.numel() for buffer in outline.buffers()) > _MOST_BUFFERS + sum(map(Tensor.numel, state.values())):
            raise DataError(f"{origin}: the description has a network whose tables are far larger than its weights.")
        return _build(model, origin)


class _TooManyModulesError(Exception):
    """The network has more layers than the weights can belong to."""


def _build(model: dict[str, Any], origin: str) -> MultiTaskModel:
    try:
        return MODELS.build(ConfigDict(model))
    except _TooManyModulesError:
        raise DataError(f"{origin}: the description has far more layers than the file has weights.") from None
    except Exception as error:  # an option that a constructor does not have, sizes that do not fit, ...
        reason = (str(error).strip().splitlines() or [""])[0][:300].rstrip(".")
        raise DataError(f"{origin}: the network of its description cannot be built: {reason}.") from error


@contextmanager
def _at_most(limit: int) -> Iterator[None]:
    """Within this context, constructing more than `limit` modules raises `_TooManyModulesError`."""
    count = 0

    def hook(parent: nn.Module, name: str, module: nn.Module | None) -> None:
        nonlocal count
        count += 1
        if count > limit:
            raise _TooManyModulesError

    handle = register_module_module_registration_hook(hook)
    try:
        yield
    finally:
        handle.remove()
