"""Checking the parts of a checkpoint that belong together: averaged weights and the states of processes."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from .checks import WrongValueError, describe


def check_averaged_weights(averaged: Mapping | None, weights: Mapping[str, Tensor], origin: str) -> None:
    """Check the averaged weights, which EMAHook exchanges with the others by name.

    Args:
        averaged: `ema_state_dict` of a checkpoint.
        weights: Its `state_dict`.
        origin: Name of the checkpoint in error messages.

    Raises:
        ValueError: A tensor has no counterpart of the same shape.
    """
    for key, value in (averaged or {}).items():
        name = key.removeprefix("module.")
        if name == key:
            if not isinstance(value, Tensor) or value.numel() != 1:
                raise ValueError(f"{origin}: ema_state_dict[{key!r}] is {describe(value)}, expected one number.")
        elif name not in weights or getattr(value, "shape", 0) != getattr(weights[name], "shape", None):
            raise ValueError(
                f"{origin}: ema_state_dict[{key!r}] is {describe(value)}, but state_dict[{name!r}] is "
                f"{describe(weights.get(name))}: the file is damaged. Use another checkpoint."
            )


def check_rank_states(states: Sequence[Mapping], model: nn.Module) -> None:
    """Check the names and shapes of what each process continues with; see `gather_rank_states`.

    Args:
        states: `rank_states` of a checkpoint.
        model: The model without wrappers.

    Raises:
        WrongValueError: A tensor does not belong to the model.
    """
    buffers = {name: buffer.shape for name, buffer in model.named_buffers()}
    parameters = {name: parameter.shape for name, parameter in model.named_parameters()}
    for index, state in enumerate(states):
        for part, values in state.items():
            wanted = parameters if part == "gradients" else buffers
            for name, value in values.items():
                if name not in wanted or value.shape != wanted[name]:
                    expected = f"a tensor of shape {tuple(wanted[name])}" if name in wanted else "a name of the model"
                    raise WrongValueError(f"rank_states[{index}][{part!r}][{name!r}]", value, expected)
