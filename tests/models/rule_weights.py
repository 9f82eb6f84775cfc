"""Weights of the parity fixtures: made by a rule, so that they need not be stored."""

import math

import torch


def weight_by_rule(number, name, shape):
    """The tensor `number` of a network, called `name`, by the rule of `tests/data/README.md`."""
    generator = torch.Generator().manual_seed(number)
    if len(shape) == 4:
        return torch.randn(shape, generator=generator).mul_(math.sqrt(1 / math.prod(shape[1:])))
    if name.endswith("running_var"):
        return torch.rand(shape, generator=generator) + 0.5
    if name.endswith("weight"):
        return torch.rand(shape, generator=generator) * 0.5 + 0.5
    return torch.randn(shape, generator=generator) * 0.1
