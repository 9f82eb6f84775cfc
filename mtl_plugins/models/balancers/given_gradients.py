from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def with_gradients(value: Tensor, parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """A scalar with the given value and the given gradients.

    Its backward pass is a normal one: scaled losses, gradient accumulation and DDP work.

    Args:
        value: The value, a scalar.
        parameters: Parameters.
        gradients: The gradient of each.
    """
    return _GivenGradients.apply(value.detach(), list(gradients), *parameters)


class _GivenGradients(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Any, gradients: Any, *parameters: Any) -> Any:
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Any) -> tuple:
        return None, None, *(gradient * factor.to(gradient.dtype) for gradient in ctx.gradients)
