from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call

from mtl_plugins.functional.balancing.gramian import Row

#: From the gradients of each task's features, and the factor on the total loss, to the gradients that the trunk gets,
#: and the factor of each head's parameters.
Combine = Callable[[dict[str, Row], float], tuple[list[Tensor | None], dict[str, float]]]


class BranchPoint:
    """The place where the heads read the trunk, in one training step.

    Each head gets its own view of the features. In the backward pass, the gradients of all views arrive here, `combine`
    makes one of them, and it continues through the trunk: one backward pass for any number of tasks.

    The parameters of the heads can be scaled, too. Their gradients exist before the weights do, so they wait at a gate
    until `combine` has run.

    Args:
        combine: Called once in the backward pass.
        scale_heads: Whether `combine`'s factors scale the gradients of the heads' parameters.
        optional: Whether the step works without it. It is then skipped in a network whose neck has features for each
            task.
    """

    def __init__(self, combine: Combine, scale_heads: bool = False, optional: bool = False):
        self.combine = combine
        self.scale_heads, self.optional = scale_heads, optional
        self.probe: Tensor | None = None  # add it to the total loss: 0, whose gradient is the factor on the loss
        self._gated: dict[str, dict[str, Tensor]] = {}

    def split(self, features: Sequence[Tensor], heads: Mapping[str, nn.Module]) -> dict[str, list[Tensor]]:
        """Views of the features by task.

        Args:
            features: Feature maps that all heads read.
            heads: The heads by task.
        """
        tokens = []
        if self.scale_heads:
            for task, head in heads.items():
                parameters = {name: value for name, value in head.named_parameters() if value.requires_grad}
                if parameters:
                    token, *gated = _Gate.apply(*parameters.values())
                    self._gated[task] = dict(zip(parameters, gated, strict=True))
                    tokens.append((task, token))
        self.probe, *views = _Branch.apply(
            self.combine, tuple(heads), [task for task, _ in tokens], len(features), *features, *(t for _, t in tokens)
        )
        n = len(features)
        return {task: views[i * n : (i + 1) * n] for i, task in enumerate(heads)}

    def run_head(self, task: str, head: nn.Module, features: Sequence[Tensor]) -> Any:
        """The raw output of a head."""
        gated = self._gated.get(task)
        return functional_call(head, gated, (features,)) if gated else head(features)


class _Branch(torch.autograd.Function):
    """Views of the features for each task. Its backward pass combines their gradients."""

    @staticmethod
    def forward(ctx: Any, combine: Any, tasks: Any, gated_tasks: Any, num_features: Any, *tensors: Any) -> Any:
        ctx.combine, ctx.tasks, ctx.gated_tasks, ctx.num_features = combine, tasks, gated_tasks, num_features
        ctx.set_materialize_grads(False)
        features = tensors[:num_features]
        probe = features[0].new_zeros((), dtype=torch.float32)
        return probe, *(feature.view_as(feature) for _ in tasks for feature in features)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Any, *gradients: Any) -> tuple:
        n = ctx.num_features
        rows = {task: gradients[i * n : (i + 1) * n] for i, task in enumerate(ctx.tasks)}
        with torch.autocast(_device_type(gradients, factor), enabled=False):
            combined, factors = ctx.combine(rows, 1.0 if factor is None else float(factor))
        tokens = [torch.tensor(factors.get(task, 1.0), dtype=torch.float64) for task in ctx.gated_tasks]
        return None, None, None, None, *combined, *tokens


class _Gate(torch.autograd.Function):
    """The parameters of a head, unchanged, after a token. The token's gradient is the factor of theirs."""

    @staticmethod
    def forward(ctx: Any, *parameters: Any) -> Any:
        ctx.set_materialize_grads(False)
        return torch.zeros((), dtype=torch.float64), *(parameter.view_as(parameter) for parameter in parameters)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Any, *gradients: Any) -> tuple:
        factor = 1.0 if factor is None else float(factor)
        return tuple(None if gradient is None else gradient * factor for gradient in gradients)


def _device_type(gradients, factor):
    return next((g.device.type for g in (*gradients, factor) if g is not None), "cpu")
