"""Heads that implement only `forward`, `loss` and `predict` get the other methods of `TaskHead`."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from mtl_plugins.kinds import find_kind, kind_of_task

from .task_head import TaskHead

_REQUIRED = dict(forward="features", loss="outputs, targets", predict="outputs, size")


def head_method(head: Any, name: str) -> Callable:
    """A method of a head: its own, or that of `TaskHead` if it has none."""
    own = getattr(head, name, None)
    return own if callable(own) else partial(getattr(TaskHead, name), head)


def complete_head(task: str, head: Any) -> None:
    """Check that a head has what every head needs; without a `kind`, it gets that of its task.

    Raises:
        ValueError: A method is missing, or the kind is unknown.
    """
    name = f"The head of {task!r} ({type(head).__name__})"
    if not hasattr(head, "kind"):
        head.kind = kind_of_task(task).name
    try:
        find_kind(head.kind)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    no_forward = getattr(type(head), "forward", None) is nn.Module.forward
    missing = [
        f"{method}({arguments})"
        for method, arguments in _REQUIRED.items()
        if not callable(getattr(head, method, None)) or (method == "forward" and no_forward)
    ]
    if missing:
        raise ValueError(
            f"{name} has no method {' and no '.join(missing)}: a head implements forward(features), "
            f"loss(outputs, targets) and predict(outputs, size), or derives from TaskHead."
        )
