"""What a checkpoint may contain: plain values of the expected types. Nothing in it is parsed or executed."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from mtl_plugins.functional import non_finite, tensor_fault

from .checks import (
    MAX_COUNT,
    MISSING,
    Check,
    WrongValueError,
    boolean,
    integer,
    mapping,
    number,
    optional,
    plain,
    sequence,
    tensor,
    text,
)

_ADVICE = "Use another checkpoint, or load only its weights with load_from"
_MAX_SEED = 2**32 - 1
_MAX_STEPS = 2**40  # the remaining time is computed from them
_IGNORED = ("cfg", "config")  # the text of a config, which is code: kept for users, never parsed


def check_content(checkpoint: Mapping, origin: str) -> dict:
    """Check what a checkpoint contains in addition to weights, and return a copy with checked values.

    Args:
        checkpoint: The content of the file. A state dict is returned as the value of `"state_dict"`.
        origin: Name of the file in error messages.

    Raises:
        ValueError: A value is not plain, or has another type or range than expected; the message names its key.
    """
    if "state_dict" not in checkpoint:
        checkpoint = {"state_dict": checkpoint}
    checked = explained(lambda: _CONTENT(dict(checkpoint), ""), origin)
    return {key: value for key, value in checked.items() if value is not None}


def check_meta(checkpoint: Mapping, origin: str) -> dict:
    """The checked `meta` of a checkpoint; empty if it has none.

    Raises:
        ValueError: A value is not plain, or has another type or range than expected; the message names its key.
    """
    return explained(lambda: optional(_META)(checkpoint.get("meta"), "meta"), origin) or {}


def require_resumable(checkpoint: Mapping, origin: str) -> None:
    """Check that a checkpoint contains what resuming needs.

    Raises:
        ValueError: The position or the history of the run is missing.
    """
    for section, keys in (("meta", ("epoch", "iter")), ("message_hub", ())):
        found = checkpoint.get(section)
        missing = [section] if found is None else [f"{section}[{key!r}]" for key in keys if found.get(key) is None]
        if missing:
            raise ValueError(
                f"{origin} cannot be resumed: {missing[0]} is missing. It contains only weights, or was not written "
                "by a training run. To start from its weights, set load_from instead of resume."
            )


def explained(check: Callable[[], Any], origin: str) -> Any:
    """The result of a check; its error names the file.

    Raises:
        ValueError: The check failed.
    """
    try:
        return check()
    except WrongValueError as error:
        raise ValueError(f"{origin} is damaged, or not a checkpoint of this project: {error}. {_ADVICE}.") from error
    except RecursionError as error:
        raise ValueError(f"{origin} is damaged: its lists or dicts are nested too deeply. {_ADVICE}.") from error


def check_optimizer(state: Any, own: Mapping, shapes: list[torch.Size], where: str = "optimizer") -> dict:
    """Check the state of an optimizer wrapper against that of the current run.

    Args:
        state: The state in the file.
        own: The state of the optimizer that the config builds.
        shapes: Shapes of its parameters, in the order of the groups.
        where: Name of the state in error messages.

    Returns:
        The checked state.

    Raises:
        WrongValueError: The state belongs to another optimizer, or a value has another type or range than expected.
    """
    if "param_groups" not in own:  # several optimizers by name
        names = mapping({str(name): plain for name in own}, required=list(map(str, own)))(state, where)
        return {name: names[name] for name in own}
    state = mapping(required=("state", "param_groups"), others=plain)(state, where)
    groups, wanted = state["param_groups"], own["param_groups"]
    if not isinstance(groups, list | tuple) or len(groups) != len(wanted):
        raise WrongValueError(f"{where}['param_groups']", groups, f"a list of {len(wanted)} groups, as in the config")
    checked = []
    for index, (group, mine) in enumerate(zip(groups, wanted, strict=True)):
        place = f"{where}['param_groups'][{index}]"
        group = like(mine, group, place)
        if list(group.get("params", ())) != list(mine["params"]):
            raise WrongValueError(f"{place}['params']", group.get("params"), f"{len(mine['params'])} parameters")
        for key, value in group.items():
            for limited in _LIMITS.get(key, lambda value: [])(value):
                raise WrongValueError(f"{place}[{key!r}]", limited, "a value in its usual range")
            if value is None and mine[key] is not None and key in _LIMITS:
                raise WrongValueError(f"{place}[{key!r}]", value, "a number")
            if key in _KINDS and value != mine[key]:
                raise WrongValueError(f"{place}[{key!r}]", value, f"{mine[key]!r}, as in the config")
        checked.append(group)
    by_parameter = mapping(others=mapping(others=plain, keys=(str,)), keys=(int, str))(
        state["state"], f"{where}['state']"
    )
    for index, values in by_parameter.items():
        place = f"{where}['state'][{index!r}]"
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(shapes):
            raise WrongValueError(f"a key of {where}['state']", index, f"the number of one of {len(shapes)} parameters")
        for key, value in values.items():
            _check_parameter_state(key, value, shapes[index], f"{place}[{key!r}]")
    _require_equal_keys(by_parameter, f"{where}['state']")
    rest = {key: value for key, value in state.items() if key not in ("state", "param_groups")}
    if "loss_scaler" in rest:
        numbers = mapping({"growth_interval": integer(1), "_growth_tracker": integer()}, others=number(0))
        rest["loss_scaler"] = numbers(rest["loss_scaler"], f"{where}['loss_scaler']")
    if "base_param_settings" in rest:
        settings = rest["base_param_settings"] = _base_settings(
            rest["base_param_settings"], own.get("base_param_settings"), f"{where}['base_param_settings']"
        )
        if settings is None:
            del rest["base_param_settings"]
    return rest | {"state": by_parameter, "param_groups": checked}


def _base_settings(value: Any, own: Mapping | None, where: str) -> dict | None:
    """mmengine's defaults of the groups, from which it reports the learning rate; it has none for a single group."""
    if own is None or value is None:
        return None
    names = [key for key in own if key != "params"]
    checked = mapping(others=plain, required=names)(value, where)
    for key in names:
        like(own[key], checked[key], f"{where}[{key!r}]")
    return checked


def _wrong_range(low: float, high: float = math.inf) -> Callable[[Any], list]:
    def wrong(value: Any) -> list:
        values = value if isinstance(value, list | tuple) else [value]
        numbers = [one.item() if isinstance(one, Tensor) and one.numel() == 1 else one for one in values]
        return [one for one in numbers if isinstance(one, int | float) and not low <= one <= high]

    return wrong


_LIMITS = {
    **{key: _wrong_range(0) for key in ("lr", "initial_lr", "eps")},
    **{key: _wrong_range(0, 1) for key in ("betas", "alpha")},
}
# What changes the kind of the update; `fused` and the like only change how it is computed.
_KINDS = ("amsgrad", "differentiable", "maximize", "nesterov")
# Per-parameter state with the shape of the parameter; other optimizers' own state is not known.
_SHAPED = {
    *("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg", "grad_avg", "acc_delta", "sum"),
    *("exp_inf", "prev", "ax"),
}
_SQUARES = {"exp_avg_sq", "max_exp_avg_sq", "square_avg", "sum", "acc_delta", "exp_inf"}


def _require_equal_keys(states: Mapping[int, Mapping[str, Any]], where: str) -> None:
    """Check that no value of a parameter is missing, if the optimizer is one of those with equal keys everywhere."""
    every = set().union(*states.values())
    if every <= _SHAPED | {"step", "mu_product", "eta", "step_size"}:
        for index, state in states.items():
            for key in every - {"max_exp_avg_sq"} - set(state):
                raise WrongValueError(f"{where}[{index}][{key!r}]", MISSING, "a value, as other parameters have it")


def _check_parameter_state(key: str, value: Any, shape: torch.Size, where: str) -> None:
    if key == "step":
        single = value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
        number(0, MAX_COUNT)(single, where)
    elif key in _SHAPED and not (key == "momentum_buffer" and value is None):
        if not isinstance(value, Tensor) or value.shape != shape:
            raise WrongValueError(where, value, f"a tensor of shape {tuple(shape)}")
        if not value.is_floating_point():
            raise WrongValueError(where, value, "a tensor of floating-point numbers")
        if bool(value.isnan().any()):
            raise WrongValueError(where, value, f"finite numbers: {non_finite(value)}")
        if key in _SQUARES and value.numel() and bool(value.min() < 0):
            raise WrongValueError(where, value, "no negative values")


def check_scheduler(state: Any, own: Mapping, where: str) -> dict:
    """Check the state of a parameter scheduler against that of the current run.

    Args:
        state: The state in the file.
        own: The state of the scheduler that the config builds.
        where: Name of the state in error messages.

    Returns:
        The checked state, without functions.

    Raises:
        WrongValueError: The state belongs to another scheduler, or a value has another type than expected.
    """
    values = {key: value for key, value in own.items() if not callable(value)}
    if isinstance(state, dict):
        state = {key: value for key, value in state.items() if key not in own or key in values}
    checked = like(values, state, where)
    for key in ("param_name", "by_epoch"):
        if key in checked and key in values and checked[key] != values[key]:
            raise WrongValueError(f"{where}[{key!r}]", checked[key], f"{values[key]!r}, as in the config")
    for key, low in (("last_step", -1), ("_global_step", -1), ("begin", 0), ("end", 1)):
        if key in checked:
            integer(low)(checked[key], f"{where}[{key!r}]")
    return checked


def like(own: Any, value: Any, where: str) -> Any:
    """Check that a value has the same kind as the own one: the same keys, numbers for numbers, and so on.

    Raises:
        WrongValueError: It has another kind.
    """
    if own is None or value is None:
        if isinstance(value, dict | list | tuple | str) or (value is None and isinstance(own, dict | list | tuple)):
            raise WrongValueError(where, value, _kind(own))
        return value if value is None or isinstance(value, bool | Tensor) else number(infinite=True)(value, where)
    if isinstance(own, bool):
        return boolean(value, where)
    if isinstance(own, int | float | np.number | Tensor):
        if isinstance(own, int) and isinstance(value, int) and not isinstance(value, bool):
            return integer(-MAX_COUNT)(value, where)
        if isinstance(value, Tensor) and value.numel() == 1 and tensor_fault(value) is None:
            return value
        return number(infinite=True)(value, where)
    if isinstance(own, str):
        return text(200)(value, where)
    if isinstance(own, Mapping):
        counts = own and all(isinstance(key, int) for key in own)  # milestones of MultiStepLR
        if counts:
            return mapping(others=integer(), keys=int)(value, where)
        known: dict[str, Check] = {str(key): partial(like, mine) for key, mine in own.items()}
        return mapping(known)(value, where)
    if isinstance(own, list | tuple):
        if not own:
            return sequence(plain)(value, where)
        fixed = len(own) if where.endswith(("['params']", "['base_values']", "['_last_value']", "['betas']")) else None
        sequence(plain, fixed)(value, where)
        return sequence(partial(like, own[0]), fixed)(value, where)
    return plain(value, where)


def _kind(own: Any) -> str:
    return "a number or None" if own is None or isinstance(own, int | float) else f"a {type(own).__name__}"


def _history(value: Any, where: str) -> HistoryBuffer:
    if not isinstance(value, HistoryBuffer):
        raise WrongValueError(where, value, "a HistoryBuffer")
    saved = value.__dict__
    arrays = [saved.get(name) for name in ("_log_history", "_count_history")]
    for array in arrays:
        if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "biuf":
            raise WrongValueError(where, array, "a history of numbers")
    logs, counts = arrays
    if len(logs) != len(counts) or not np.isfinite(counts).all():
        raise WrongValueError(where, counts, f"{len(logs)} finite counts, one per value")
    return HistoryBuffer(logs, counts, integer(1)(saved.get("max_length"), f"{where}.max_length"))


def _scalars(value: Any, where: str) -> dict:
    """The loss histories; empty ones and what old versions of mmengine saved instead of histories are dropped."""
    known = mapping(others=lambda part, place: part)(value, where)
    if not all(isinstance(part, HistoryBuffer) or not isinstance(part, dict | str) for part in known.values()):
        wrong = next(key for key, part in known.items() if isinstance(part, dict | str))
        raise WrongValueError(f"{where}[{wrong!r}]", known[wrong], "a HistoryBuffer")
    checked = {
        key: _history(part, f"{where}[{key!r}]") for key, part in known.items() if isinstance(part, HistoryBuffer)
    }
    return type(known)((key, part) for key, part in checked.items() if len(part.data[0]))


def _runtime_info(value: Any, where: str) -> dict:
    info = _INFO(value, where)
    for key in list(info):
        if key.startswith("best_score"):
            optional(number(infinite=True))(info[key], f"{where}[{key!r}]")
        elif key.startswith("best_ckpt"):
            optional(text(4096))(info[key], f"{where}[{key!r}]")
    return info


def _history_of_run(value: Any, where: str) -> dict:
    sections = {"log_scalars": _scalars, "runtime_info": _runtime_info, "resumed_keys": mapping(others=boolean)}
    hub = mapping(sections, others=plain, required=tuple(sections))(value, where)
    present = {*hub["log_scalars"], *hub["runtime_info"]}
    resumed = {key: True for key, wanted in hub["resumed_keys"].items() if key in present and wanted}
    return {**{key: hub[key] for key in ("log_scalars", "runtime_info")}, "resumed_keys": resumed}


def _dataset_meta(value: Any, where: str) -> Any:
    value = mapping(others=plain)(value, where)
    for key, part in value.items():
        place = f"{where}[{key!r}]"
        if key == "classes" and isinstance(part, list | tuple):
            sequence(plain)(part, place)
        elif key == "classes" and not isinstance(part, dict) and part is not None:
            raise WrongValueError(place, part, "the names of the classes")
        elif key == "palette" and part is not None and not isinstance(part, np.ndarray | Tensor):
            sequence(sequence(integer(0, 255), 3))(part, place)
    return value


def _state_dict(value: Any, where: str) -> OrderedDict:
    """Names of weights; see `require_same_model` for their values."""
    checked = OrderedDict(mapping(others=lambda part, place: part)(value, where))
    metadata = getattr(value, "_metadata", None)  # versions of the modules
    if metadata is not None:
        metadata = mapping(others=mapping(others=plain))(metadata, f"{where}._metadata")
        for name, part in metadata.items():
            if "version" in part:
                optional(integer())(part["version"], f"{where}._metadata[{name!r}]['version']")
        checked._metadata = metadata  # type: ignore[attr-defined]
    return checked


_NORMALISATION = mapping(
    {"mean": sequence(number(), 3), "std": sequence(number(1e-12), 3)}, required=("mean", "std"), others=plain
)
_POSITION = mapping(
    {
        **{key: integer() for key in ("epoch", "samples", "dataset_size")},
        **{key: integer(1) for key in ("world_size", "batch_size")},
        "stretches": sequence(sequence(integer(), 3)),
    },
    others=integer(),
    required=("epoch", "samples", "dataset_size", "world_size", "batch_size"),
)
_RANK_STATE = mapping({key: mapping(others=tensor) for key in ("buffers", "ema_buffers", "gradients")})
_META = mapping(
    {
        "epoch": optional(integer(0, _MAX_STEPS)),
        "iter": optional(integer(0, _MAX_STEPS)),
        "seed": optional(integer(0, _MAX_SEED)),
        "position": optional(_POSITION),
        "normalisation": _NORMALISATION,
        "dataset_meta": optional(_dataset_meta),
        **{key: optional(text()) for key in _IGNORED},
        **{key: optional(text(1000)) for key in ("experiment_name", "time", "mmengine_version")},
    },
    others=plain,
)
_INFO = mapping(
    {
        **{key: integer() for key in ("epoch", "iter", "max_epochs", "max_iters", "last_validated_iter")},
        "keep_ckpt_ids": sequence(integer()),
        "stale_ckpts": sequence(text(255)),
        "last_ckpt": optional(text(4096)),
        "loop_stage": optional(text(50)),
        "eta": number(),
        "dataset_meta": optional(_dataset_meta),
    },
    others=plain,
)
_CONTENT = mapping(
    {
        "meta": optional(_META),
        "message_hub": optional(_history_of_run),
        "state_dict": _state_dict,
        "ema_state_dict": optional(_state_dict),
        "optimizer": optional(plain),  # see `check_optimizer`
        "param_schedulers": optional(plain),
        "rank_states": optional(sequence(_RANK_STATE)),
    },
    others=plain,
    required=("state_dict",),
)
