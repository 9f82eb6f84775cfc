"""What necks with features for each task share: their options, their auxiliary predictions and their pruning."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtl_plugins.did_you_mean import did_you_mean

from ..build_part import build_part


def check_tasks(neck: str, option: str, chosen: Sequence[str], tasks: Sequence[str]) -> tuple[str, ...]:
    """The chosen tasks, in the order of `tasks`.

    Args:
        neck: Name of the neck, for the message.
        option: Name of the option that lists them.
        chosen: The chosen tasks.
        tasks: All tasks of the model.

    Raises:
        ValueError: A task is unknown.
    """
    for task in chosen:
        if task not in tasks:
            raise ValueError(
                f"{neck}: {option} has the unknown task {task!r}: {did_you_mean(task, tasks)}"
                f"The tasks are {', '.join(tasks)}."
            )
    return tuple(task for task in tasks if task in chosen)


def prediction_convs(neck: str, heads: Mapping[str, Any], widths: Sequence[int]) -> nn.ModuleDict:
    """1x1 convolutions for auxiliary predictions: a list for each task, one convolution per width.

    Args:
        neck: Name of the neck, for the message.
        heads: The heads of the model by task.
        widths: Channels of the features that are read.

    Raises:
        ValueError: A head has no `out_channels`.
    """
    for task, head in heads.items():
        if not isinstance(getattr(head, "out_channels", None), int):
            raise ValueError(
                f"{neck} predicts every task from intermediate features, but the head of {task!r} "
                f"({type(head).__name__}) has no out_channels: its raw output is not one map (N, out_channels, h, w). "
                "Use a DenseHead for this task, or another neck."
            )
    return nn.ModuleDict(
        {
            task: nn.ModuleList(nn.Conv2d(width, head.out_channels, 1) for width in widths)
            for task, head in heads.items()
        }
    )


class TaskDecoders(nn.Module):
    """One decoder per task.

    Args:
        config: Config of each decoder, a neck.
        tasks: Names of the tasks.
        in_channels: Channels of the features of a task, finest first.
        in_strides: Their strides.

    Attributes:
        out_channels: Channels of the outputs by task.
        out_strides: Strides of the outputs by task.
    """

    def __init__(self, config: dict, tasks: Sequence[str], in_channels: Sequence[int], in_strides: Sequence[int]):
        super().__init__()
        sizes = dict(in_channels=in_channels, in_strides=in_strides)
        decoders: dict[str, Any] = {task: build_part(config, tasks, **sizes) for task in tasks}
        self.decoders = nn.ModuleDict(decoders)
        self.out_channels = {task: tuple(decoder.out_channels) for task, decoder in decoders.items()}
        self.out_strides = {task: tuple(decoder.out_strides) for task, decoder in decoders.items()}

    def forward(self, features: Mapping[str, Sequence[Tensor]]) -> dict[str, list[Tensor]]:
        """The maps of each task."""
        return {task: list(self.decoders[task](maps)) for task, maps in features.items()}

    def prune(self, tasks: Sequence[str]) -> None:
        """Keep only the decoders of `tasks`."""
        keep_only(self.decoders, tasks)


def keep_only(modules: nn.ModuleDict, tasks: Iterable[str]) -> None:
    """Remove the entries of all other tasks."""
    for task in set(modules) - set(tasks):
        del modules[task]


def resize_to(x: Tensor, other: Tensor) -> Tensor:
    """`x`, resized bilinearly to the size of `other` if they differ."""
    size = other.shape[-2:]
    if not torch.compiler.is_exporting() and x.shape[-2:] == size:  # a graph for dynamic sizes cannot depend on sizes
        return x
    return F.interpolate(x, size, mode="bilinear", align_corners=False)
