"""The forward pass from images to raw outputs, as a function of the model that can be exchanged.

A forward pass takes the model as an argument instead of being a method that is replaced on an instance. So a copy of a
model (EMA, deepcopy, pickle) always computes with its own weights.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from .necks.neck_output import NeckOutput

if TYPE_CHECKING:
    from .multi_task_model import MultiTaskModel

Features = Sequence[Tensor] | Mapping[str, Sequence[Tensor]]  # one list for all heads, or one list per task
Outputs = Any  # a tensor, or a tree (dict, list, tuple) of tensors


class ForwardResult(NamedTuple):
    """What the neck and the heads compute.

    Attributes:
        features: The output of the neck (of the backbone, if the model has no neck).
        outputs: Raw output of each head by task.
        auxiliary: Additional raw outputs of tasks, from a neck in training (`NeckOutput`).
    """

    features: Features | None
    outputs: dict[str, Outputs]
    auxiliary: Mapping[str, Sequence[Tensor]] = {}  # noqa: RUF012


def features_of(features: Features, task: str, model: "MultiTaskModel") -> Sequence[Tensor]:
    """The features that the head of `task` reads.

    Args:
        features: The result of `shared_features`.
        task: Name of the head.
        model: The model, for the error message.

    Raises:
        ValueError: The neck (or the backbone) returned no list of features for this head.
    """
    found: Any = features
    if isinstance(features, Mapping):
        found = features[task] if task in features else None
    if found is None or isinstance(found, Tensor):
        raise ValueError(_bad_features(features, task, model.backbone if model.neck is None else model.neck))
    return found


def _bad_features(features, task, source):
    returned = _describe(features)
    if isinstance(features, Mapping):
        others = ", ".join(str(name) for name in features if name != task) or "no task"
        returned = f"{_describe(features[task])} for it" if task in features else f"features for {others}, none for it"
    return (
        f"The head {task!r} has no features to read: {type(source).__name__} returned {returned}. Its forward must "
        "return a list of feature maps (finest first) for all heads, or a dict with one such list per task."
    )


def _describe(features):
    return "None" if features is None else "a tensor instead of a list"


def shared_features(model: "MultiTaskModel", images: Tensor) -> Features | NeckOutput:
    """The output of the neck, or of the backbone if the model has no neck."""
    features = model.backbone(images)
    return features if model.neck is None else model.neck(features)


def without_auxiliary(returned: Features | NeckOutput) -> NeckOutput:
    """The features and the auxiliary outputs of what a neck returned; most necks return only features."""
    return returned if isinstance(returned, NeckOutput) else NeckOutput(returned, {})


class Branch(Protocol):
    """What separates the tasks in training; see `mtl_plugins.models.balancers.BranchPoint`."""

    optional: bool

    def split(self, features: Sequence[Tensor], heads: Mapping[str, nn.Module]) -> Mapping[str, Sequence[Tensor]]:
        """The features of each task."""

    def run_head(self, task: str, head: nn.Module, features: Sequence[Tensor]) -> Outputs:
        """The raw output of a head."""


def run_eagerly(
    model: "MultiTaskModel", images: Tensor, tasks: Sequence[str] | None = None, branch: Branch | None = None
) -> ForwardResult:
    """Backbone, neck and heads, as they are written.

    Args:
        model: The model to compute.
        images: Normalised images (N, 3, H, W).
        tasks: Heads to compute; all by default.
        branch: Separates the tasks where the heads read the trunk.
    """
    if branch is not None:
        return run_branched(model, images, branch, shared_features, _run_head)
    features, auxiliary = without_auxiliary(shared_features(model, images))
    wanted = model.heads if tasks is None else tasks
    outputs = {task: model.heads[task](features_of(features, task, model)) for task in wanted}
    return ForwardResult(features, outputs, auxiliary)


def run_branched(
    model: "MultiTaskModel",
    images: Tensor,
    branch: Branch,
    trunk: Callable[..., Features | NeckOutput],
    head: Callable[..., Outputs],
) -> ForwardResult:
    """The forward pass of all heads with a branch point between the trunk and the heads.

    A neck with features for each task has the branch point inside: its `forward` has the argument `split`, a function
    from shared features to a dict of features by task, which it calls where the tasks part.

    Args:
        model: The model to compute.
        images: Normalised images (N, 3, H, W).
        branch: The branch point.
        trunk: Computes the output of the neck: `shared_features`, possibly compiled.
        head: Computes the output of a head: called with the branch, the task, the head and its features.

    Raises:
        ValueError: The neck returns features for each task and has no `split`, but the branch point is not optional.
    """
    neck: Any = model.neck
    if neck is not None and splits(neck):
        returned = neck(model.backbone(images), split=lambda shared: branch.split(shared, model.heads))
        features, auxiliary = without_auxiliary(returned)
        views: Mapping = {task: features_of(features, task, model) for task in model.heads}
    else:
        features, auxiliary = without_auxiliary(trunk(model, images))
        if not isinstance(features, Mapping):
            views = branch.split(features_of(features, next(iter(model.heads)), model), model.heads)
        elif branch.optional:
            views = {task: features_of(features, task, model) for task in model.heads}
        else:
            raise ValueError(
                f"{type(model.neck or model.backbone).__name__} returns features for each task, so the balancer does "
                "not know where the tasks part. Use model.balancer.at='parameters', or give the neck's forward the "
                "argument split (see docs/balancing.md)."
            )
    outputs = {task: head(branch, task, model.heads[task], views[task]) for task in model.heads}
    return ForwardResult(features, outputs, auxiliary)


def splits(neck: nn.Module) -> bool:
    """Whether a neck has the branch point of the tasks inside: an argument `split` of its `forward`."""
    return "split" in inspect.signature(neck.forward).parameters


def _run_head(branch, task, head, features):
    return branch.run_head(task, head, features)


class ForwardPass(ABC):
    """Base class of other ways to compute what `run_eagerly` computes, such as a compiled one.

    A model calls its `forward_pass` for every raw output. To replace it, assign an instance of a subclass:
    `model.forward_pass = CompiledForward()`. Copies and pickles of the model use `run_eagerly` again, because compiled
    code can be neither copied nor stored.
    """

    @abstractmethod
    def __call__(
        self, model: "MultiTaskModel", images: Tensor, tasks: Sequence[str] | None = None, branch: Branch | None = None
    ) -> ForwardResult:
        """Compute raw outputs; see `run_eagerly` for arguments and result. `branch` is given only in training."""

    def __reduce__(self) -> tuple[Callable, tuple]:
        return _eager, ()


class CompiledForward(ForwardPass):
    """`run_eagerly`, compiled by `torch.compile(**options)` when it is first called.

    With a branch point, the trunk and the heads are compiled separately: what happens in between is not a tensor
    operation.
    """

    def __init__(self, **options: Any):
        self._run = torch.compile(run_eagerly, **options)
        self._trunk = torch.compile(shared_features, **options)
        self._head = torch.compile(_run_head, **options)

    def __call__(
        self, model: "MultiTaskModel", images: Tensor, tasks: Sequence[str] | None = None, branch: Branch | None = None
    ) -> ForwardResult:
        if branch is not None:
            return run_branched(model, images, branch, self._trunk, self._head)
        return self._run(model, images, tasks)


def _eager():
    return run_eagerly
