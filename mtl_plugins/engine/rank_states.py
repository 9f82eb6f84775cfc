"""The training state that differs between processes: batch-norm statistics and accumulated gradients."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import EMAHook
from mmengine.runner import Runner
from torch import Tensor, nn

from mtl_plugins.unwrap_model import unwrap_model

#: `{"buffers": {name: tensor}, "ema_buffers": {name: tensor}, "gradients": {name: tensor}}`.
RankState = dict[str, dict[str, Tensor]]


def gather_rank_states(runner: Runner) -> list[RankState]:
    """The state of each process that the checkpoint of the main process does not contain; call it in all processes.

    Between two synchronisations each process has batch-norm statistics of its own, also in the averaged model of
    `EMAHook`. Within a gradient accumulation it has gradients of its own. The list is empty if a checkpoint needs
    neither.
    """
    own = _own_state(runner)
    if get_world_size() == 1:
        return [own] if own["gradients"] else []
    states: list[RankState] = all_gather_object(own)
    equal = all(
        torch.equal(value, state[part][name])
        for state in states
        for part in ("buffers", "ema_buffers")
        for name, value in states[0][part].items()
    )
    return [] if equal and not any(state["gradients"] for state in states) else states


def average_buffers(checkpoint: dict, states: Sequence[RankState]) -> None:
    """Replace the main process's batch-norm statistics in a checkpoint by the mean over all processes.

    The state of training is not changed: a resumed run takes each process's own statistics from `states`.
    """
    if len(states) < 2:
        return
    weights = checkpoint["state_dict"]
    if "ema_state_dict" in checkpoint:  # EMAHook has swapped the two
        averaged, trained = weights, checkpoint["ema_state_dict"]
        for name in states[0]["ema_buffers"]:
            averaged[name] = _mean([state["ema_buffers"][name] for state in states])
        for name in states[0]["buffers"]:
            trained[f"module.{name}"] = _mean([state["buffers"][name] for state in states])
        return
    for name in states[0]["buffers"]:
        weights[name] = _mean([state["buffers"][name] for state in states])


def restore_rank_state(runner: Runner, states: Sequence[RankState]) -> list[str]:
    """Load this process's state from `gather_rank_states` of the interrupted run.

    Returns:
        What differs from an uninterrupted run, as sentences for the log.
    """
    if not states:
        return []
    if len(states) != get_world_size():
        return [
            f"The checkpoint is from {len(states)} processes and this run has {get_world_size()}: all of them begin "
            "with the mean of the batch-norm statistics, and without the gradients of an unfinished accumulation."
        ]
    own = states[get_rank()]
    model, averaged = unwrap_model(runner.model), _averaged_model(runner)
    _copy_buffers(model, own.get("buffers", {}))
    if averaged is not None:
        _copy_buffers(averaged, own.get("ema_buffers", {}))
    parameters = dict(model.named_parameters())
    for name, gradient in own.get("gradients", {}).items():
        parameter = parameters[name]
        parameter.grad = gradient.to(parameter.device, parameter.dtype)
    return []


def _own_state(runner: Runner) -> RankState:
    model, averaged = unwrap_model(runner.model), _averaged_model(runner)
    several = get_world_size() > 1
    return dict(
        buffers=_buffers(model) if several else {},
        ema_buffers=_buffers(averaged) if several and averaged is not None else {},
        gradients=_gradients(model) if _accumulates(runner.optim_wrapper) else {},
    )


def _accumulates(optim_wrapper: Any) -> bool:
    """Whether the last step was one of several whose gradients are accumulated."""
    count = getattr(optim_wrapper, "_inner_count", 0)
    return bool(count) and not optim_wrapper.should_update()


def _gradients(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.grad.detach().cpu().clone() for name, p in model.named_parameters() if p.grad is not None}


def _buffers(model: nn.Module) -> dict[str, Tensor]:
    persistent = model.state_dict().keys()
    return {name: buffer.cpu().clone() for name, buffer in model.named_buffers() if name in persistent}


def _copy_buffers(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    for name, buffer in model.named_buffers():
        if name in values:
            buffer.copy_(values[name])


def _averaged_model(runner: Runner) -> nn.Module | None:
    """The averaged model of `EMAHook`."""
    hooks = [hook for hook in runner.hooks if isinstance(hook, EMAHook) and hasattr(hook, "ema_model")]
    return hooks[0].ema_model.module if hooks else None


def _mean(values: Sequence[Tensor]) -> Tensor:
    if not values[0].is_floating_point():
        return values[0]
    return torch.stack([value.double() for value in values]).mean(0).to(values[0].dtype)
