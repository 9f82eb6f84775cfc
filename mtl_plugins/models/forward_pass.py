"""The forward pass from images to raw outputs, as a function of the model that can be exchanged.

A forward pass takes the model as an argument instead of being a method that is replaced on an instance. So a copy of a
model (EMA, deepcopy, pickle) always computes with its own weights.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .multi_task_model import MultiTaskModel

Features = Sequence[Tensor] | Mapping[str, Sequence[Tensor]]  # one list for all heads, or one list per task
Outputs = Any  # a tensor, or a tree (dict, list, tuple) of tensors


class ForwardResult(NamedTuple):
    """What the neck and the heads compute.

    Attributes:
        features: The output of the neck (of the backbone, if the model has no neck).
        outputs: Raw output of each head by task.
    """

    features: Features | None
    outputs: dict[str, Outputs]


def features_of(features: Features, task: str) -> Sequence[Tensor]:
    """The features that the head of `task` reads."""
    return features[task] if isinstance(features, Mapping) else features


def shared_features(model: "MultiTaskModel", images: Tensor) -> Features:
    """The output of the neck, or of the backbone if the model has no neck."""
    features = model.backbone(images)
    return features if model.neck is None else model.neck(features)


def run_eagerly(model: "MultiTaskModel", images: Tensor, tasks: Sequence[str] | None = None) -> ForwardResult:
    """Backbone, neck and heads, as they are written.

    Args:
        model: The model to compute.
        images: Normalised images (N, 3, H, W).
        tasks: Heads to compute; all by default.
    """
    features = shared_features(model, images)
    wanted = model.heads if tasks is None else tasks
    return ForwardResult(features, {task: model.heads[task](features_of(features, task)) for task in wanted})


class ForwardPass(ABC):
    """A replacement for `run_eagerly`. Copies and pickles of a model that uses one go back to `run_eagerly`."""

    @abstractmethod
    def __call__(self, model: "MultiTaskModel", images: Tensor, tasks: Sequence[str] | None = None) -> ForwardResult:
        """Compute raw outputs; see `run_eagerly` for arguments and result."""

    def __reduce__(self) -> tuple[Callable, tuple]:
        return _eager, ()


class CompiledForward(ForwardPass):
    """`run_eagerly`, compiled by `torch.compile(**options)` when it is first called."""

    def __init__(self, **options: Any):
        self._run = torch.compile(run_eagerly, **options)

    def __call__(self, model: "MultiTaskModel", images: Tensor, tasks: Sequence[str] | None = None) -> ForwardResult:
        return self._run(model, images, tasks)


def _eager():
    return run_eagerly
