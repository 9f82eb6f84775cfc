"""Comparing the weights of a checkpoint with those of a model, and loading them."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from mtl_plugins.functional import weight_fault
from mtl_plugins.unwrap_model import unwrap_model

from .checks import describe
from .read_checkpoint import read_checkpoint

_SHOWN = 5  # keys of each kind that an error message lists


class StateDictDifference(NamedTuple):
    """The keys in which a state dict differs from that of a model. It is false if there are none."""

    missing: list[str]
    """Keys of the model that the state dict does not have."""
    unexpected: list[str]
    """Keys of the state dict that the model does not have."""
    reshaped: list[str]
    """Keys whose tensors have different shapes."""

    def __bool__(self) -> bool:
        return any(map(len, self))


def extract_state_dict(checkpoint: Mapping, origin: str = "the checkpoint") -> OrderedDict[str, Tensor]:
    """The weights of a checkpoint, without the prefix `module.` of model wrappers.

    For checkpoints of mmengine's `EMAHook`, these are the averaged weights.

    Args:
        checkpoint: A dict with the key `"state_dict"`, or a state dict.
        origin: Name of the checkpoint in error messages.

    Raises:
        ValueError: The checkpoint contains no tensors.
    """
    state = checkpoint.get("state_dict", checkpoint)
    if (
        isinstance(state, dict)
        and (wrong := next((key for key in state if not isinstance(key, str)), None)) is not None
    ):
        raise ValueError(f"{origin} has no weights: a name of a weight must be a string, but is {describe(wrong)}.")
    if not isinstance(state, dict) or not any(isinstance(value, Tensor) for value in state.values()):
        keys = ", ".join(map(str, list(checkpoint)[:_SHOWN])) or "none"
        raise ValueError(f"{origin} has no weights: expected 'state_dict', or tensors by name. Its keys: {keys}.")
    stripped = OrderedDict((re.sub(r"^(module\.)+", "", key), value) for key, value in state.items())
    stripped._metadata = getattr(state, "_metadata", None)  # type: ignore[attr-defined]  # modules' versions
    return stripped


def compare_state_dicts(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> StateDictDifference:
    """The keys in which `given` differs from the model's state dict `wanted`.

    A missing `num_batches_tracked` of batch norm does not count: old files do not have it, and only training with
    `momentum=None` needs it.
    """
    return StateDictDifference(
        missing=[key for key in wanted if key not in given and not key.endswith("num_batches_tracked")],
        unexpected=[key for key in given if key not in wanted],
        reshaped=[key for key, value in given.items() if key in wanted and _shape(value) != _shape(wanted[key])],
    )


def require_same_model(model: nn.Module, checkpoint: Mapping, origin: str = "the checkpoint", advice: str = "") -> None:
    """Check that a checkpoint belongs to a model.

    Args:
        model: The model, or a wrapper around it.
        checkpoint: A dict with the key `"state_dict"`, or a state dict.
        origin: Name of the checkpoint in error messages.
        advice: Last sentence of the error message.

    Raises:
        ValueError: The checkpoint belongs to another model; the message lists the keys that differ. Or its weights are
            NaN, infinite or of another kind than the model's.
    """
    wanted, given = unwrap_model(model).state_dict(), extract_state_dict(checkpoint, origin)
    difference = compare_state_dicts(wanted, given)
    if difference:
        raise ValueError(_describe(difference, wanted, given, origin, advice))
    require_usable_weights(wanted, given, origin)


def require_usable_weights(wanted: Mapping[str, Any], given: Mapping[str, Any], origin: str) -> None:
    """Check that weights are finite numbers of the model's kind; keys that the model does not have are ignored.

    Args:
        wanted: The model's state dict.
        given: The weights.
        origin: Name of their file in error messages.

    Raises:
        ValueError: Some are NaN, infinite or too large for the model's type, complex, quantized, sparse, without
            values, negative variances, or integers instead of real numbers; the message names them.
    """
    faults = {
        key: fault
        for key, value in given.items()
        if key in wanted and (fault := weight_fault(value, wanted[key]) or _variance_fault(key, value))
    }
    if faults:
        shown = "; ".join(f"{key}: {fault}" for key, fault in list(faults.items())[:_SHOWN])
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise ValueError(
            f"{origin}: {len(faults)} of {len(given)} weights cannot be used ({shown}{more}). The training diverged, "
            "or the file is damaged or was converted wrongly. Use another checkpoint."
        )


def _variance_fault(key: str, value: Any) -> str | None:
    """Why the variances of a batch norm cannot be used, whose square root is taken."""
    if key.rpartition(".")[2] != "running_var" or not isinstance(value, Tensor) or value.is_meta or not value.numel():
        return None
    return "variances are negative" if bool(value.min() < 0) else None


def _describe(difference: StateDictDifference, wanted: Mapping, given: Mapping, origin: str, advice: str) -> str:
    reshaped = [f"{key}: file {_shape(given[key])}, model {_shape(wanted[key])}" for key in difference.reshaped]
    parts = [f"{origin} belongs to another model ({len(given)} weights; the model has {len(wanted)}):"]
    for title, keys in (
        ("missing in the file", difference.missing),
        ("unexpected in the file", difference.unexpected),
        ("of another shape", reshaped),
    ):
        if keys:
            more = f"; and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
            parts.append(f"  {title}: {len(keys)} ({'; '.join(keys[:_SHOWN])}{more})")
    parts.append(
        "Use the config that it was trained with; convert a published file with mtl convert "
        f"first.{' ' if advice else ''}{advice}"
    )
    return "\n".join(parts)


def _shape(value: object) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))


def load_weights(model: nn.Module, checkpoint: str | Path | dict, strict: bool = True) -> StateDictDifference:
    """Load the weights of a checkpoint into a model.

    Args:
        model: The model, or a wrapper around it.
        checkpoint: A path, a dict with the key `"state_dict"`, or a state dict.
        strict: Whether every key must match. Otherwise the keys that match are loaded.

    Returns:
        The keys that did not match.

    Raises:
        ValueError: With `strict`, the checkpoint belongs to another model; the message lists the keys that differ. Or
            its weights are NaN, infinite or of another kind than the model's.
    """
    origin = "the checkpoint"
    if not isinstance(checkpoint, dict):
        origin, checkpoint = str(checkpoint), read_checkpoint(checkpoint)
    model = unwrap_model(model)
    if strict:
        require_same_model(model, checkpoint, origin, "To load only what matches: load_weights(..., strict=False).")
    state, own = extract_state_dict(checkpoint, origin), model.state_dict()
    difference = compare_state_dicts(own, state)
    for key in (*difference.reshaped, *difference.unexpected):
        del state[key]
    if not strict:
        require_usable_weights(own, state, origin)
    model.load_state_dict(state, strict=False)
    return difference
