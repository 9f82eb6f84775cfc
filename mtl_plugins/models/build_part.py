import inspect
from collections.abc import Sequence
from typing import Any

from torch import nn

from mtl_plugins.registry import MODELS


def build_part(config: dict, tasks: Sequence[str], **sizes: Any) -> nn.Module:
    """Build a backbone, a neck or a decoder. The config takes precedence over the arguments.

    Args:
        config: Its config.
        tasks: Names of the model's tasks. Passed on if the class has a parameter `tasks`.
        **sizes: Other arguments, such as `in_channels` and `in_strides`.
    """
    if "tasks" in inspect.signature(class_of(config)).parameters:
        sizes["tasks"] = tuple(tasks)
    return MODELS.build({**sizes, **config})


def class_of(config: dict) -> Any:
    """The class that a config builds.

    Raises:
        KeyError: No class of this name is registered.
    """
    kind = config["type"]
    if not isinstance(kind, str):
        return kind
    if (found := MODELS.get(kind)) is None:
        MODELS.build(config)  # raises the registry's error, which has the nearest names
    return found
