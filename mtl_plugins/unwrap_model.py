"""Models inside wrappers."""

from mmengine.model import is_model_wrapper
from torch import nn


def unwrap_model(model: nn.Module) -> nn.Module:
    """The model inside a wrapper for distributed training (`MMDistributedDataParallel`), or `model` itself."""
    return model.module if is_model_wrapper(model) else model  # type: ignore[return-value]  # nn.Module.__getattr__
