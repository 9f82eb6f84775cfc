"""Checks of values that were read from a file. Each returns the value, or raises `WrongValueError`."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from mtl_plugins.functional import tensor_fault

Check = Callable[[Any, str], Any]
"""`check(value, where)`: the value to use in place of what the file contains."""

MAX_COUNT = 2**53  # steps, epochs, samples: larger numbers are no longer exact as floats
_MAX_DEPTH = 24
_MAX_TEXT = 1_000_000  # characters; a config has up to some ten thousand
_MAX_NAME = 1000
_SHOWN = 60  # characters of a value in a message


class WrongValueError(ValueError):
    """A file contains another value than expected.

    Args:
        where: The keys that lead to the value.
        value: What was found.
        expected: What was expected.
    """

    def __init__(self, where: str, value: Any, expected: str):
        super().__init__(f"{where} is {describe(value)}, expected {expected}")


def describe(value: Any) -> str:
    """A short description of any value in one line, which does not depend on the value's own methods."""
    kind = type(value).__name__
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, _Missing):
        return "missing"
    if isinstance(value, int | float | str):
        text = repr(value) if not isinstance(value, int) or abs(value) < 10**_SHOWN else "a very large number"
        return f"the {kind} {text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}"
    if isinstance(value, Tensor | np.ndarray):
        return f"a {kind} of shape {tuple(value.shape)} and type {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, dict | list | tuple):
        return f"a {kind} of {len(value)} items"
    return f"a {kind}"


def integer(low: int = 0, high: int = MAX_COUNT) -> Check:
    """An integer from `low` to `high`."""

    def check(value: Any, where: str) -> int:
        number_ = value.item() if isinstance(value, np.integer) else value
        if isinstance(number_, bool) or not isinstance(number_, int) or not low <= number_ <= high:
            raise WrongValueError(where, value, f"an integer from {low} to {high}")
        return number_

    return check


def number(low: float = -math.inf, high: float = math.inf, infinite: bool = False) -> Check:
    """A number from `low` to `high`; NaN is refused, and unless `infinite`, so is infinity."""

    def check(value: Any, where: str) -> Any:
        plain_ = value.item() if isinstance(value, np.integer | np.floating) else value
        good = isinstance(plain_, int | float) and not isinstance(plain_, bool)
        large = good and abs(plain_) > 1e308 and not (infinite and isinstance(plain_, float))
        if not good or large or not low <= plain_ <= high:
            within = "" if (low, high) == (-math.inf, math.inf) else f" from {low} to {high}"
            raise WrongValueError(where, value, f"a {'' if infinite else 'finite '}number{within}")
        return value

    return check


def boolean(value: Any, where: str) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise WrongValueError(where, value, "True or False")
    return bool(value)


def text(limit: int = _MAX_TEXT) -> Check:
    """A string of at most `limit` characters."""

    def check(value: Any, where: str) -> str:
        if not isinstance(value, str) or len(value) > limit:
            raise WrongValueError(where, value, f"a string of at most {limit} characters")
        return value

    return check


def optional(check: Check) -> Check:
    """None, or a value that passes `check`."""
    return lambda value, where: None if value is None else check(value, where)


def sequence(item: Check, length: int | None = None) -> Check:
    """A list or tuple of items that pass `item`, and of the given length."""

    def check(value: Any, where: str) -> Any:
        if not isinstance(value, list | tuple) or length not in (None, len(value)):
            raise WrongValueError(where, value, "a list" if length is None else f"a list of {length} items")
        return type(value)(item(part, f"{where}[{index}]") for index, part in enumerate(value))

    return check


def mapping(
    known: Mapping[str, Check] | None = None,
    others: Check | None = None,
    required: Sequence[str] = (),
    keys: type | tuple[type, ...] = str,
) -> Check:
    """A dict.

    Args:
        known: The check of each known key.
        others: The check of other keys; without it, other keys are refused.
        required: Keys that must be present.
        keys: Type of the keys.
    """
    known = known or {}

    def check(value: Any, where: str) -> dict:
        if not isinstance(value, dict):
            raise WrongValueError(where, value, "a dict")
        for key in required:
            if key not in value:
                present = ", ".join(map(repr, list(value)[:8])) or "none"
                raise WrongValueError(f"{where}[{key!r}]", MISSING, f"a value (there are {present[:200]})")
        checked = type(value)() if type(value).__module__ in ("builtins", "collections") else {}
        for key, part in value.items():
            if not isinstance(key, keys) or isinstance(key, str) and len(key) > _MAX_NAME:
                allowed = " or ".join(kind.__name__ for kind in (keys if isinstance(keys, tuple) else (keys,)))
                raise WrongValueError(f"a key of {where or 'the file'}", key, f"a key of type {allowed}")
            one = known.get(key, others) if isinstance(key, str) else others
            if one is None:
                raise WrongValueError(f"{where}[{key!r}]", part, f"only the keys {', '.join(known)}")
            checked[key] = one(part, f"{where}[{key!r}]" if where else str(key))
        return checked

    return check


class _Missing:
    """Stands for an absent value."""


MISSING = _Missing()
"""The value of a `WrongValueError` about an absent key."""


def tensor(value: Any, where: str) -> Tensor:
    """A plain tensor without NaN and infinity."""
    if not isinstance(value, Tensor):
        raise WrongValueError(where, value, "a tensor")
    if fault := tensor_fault(value):
        raise WrongValueError(where, value, f"a plain tensor of finite values: {fault}")
    return value


def plain(value: Any, where: str) -> Any:
    """Numbers, strings, tensors, NumPy's arrays of numbers, None, and lists and dicts of these."""
    return _plain(value, where, 0)


def _plain(value: Any, where: str, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise WrongValueError(where[:200], value, f"at most {_MAX_DEPTH} levels of lists and dicts")
    if value is None or isinstance(value, bool | int | float | np.number | np.bool_):
        return value
    if isinstance(value, str):
        return text()(value, where)
    if isinstance(value, Tensor):
        if fault := tensor_fault(value, values=False):
            raise WrongValueError(where, value, f"a plain tensor: {fault}")
        return value
    if isinstance(value, np.ndarray) and type(value) is np.ndarray and value.dtype.kind in "biufU":
        return value
    if isinstance(value, list | tuple | set | frozenset):
        for index, part in enumerate(value):
            _plain(part, f"{where}[{index}]", depth + 1)
        return value
    if isinstance(value, dict):
        for key, part in value.items():
            if not isinstance(key, str | int | float | bool | tuple):
                raise WrongValueError(f"a key of {where}", key, "a string or a number")
            _plain(part, f"{where}[{str(key)[:_SHOWN]!r}]", depth + 1)
        return value
    raise WrongValueError(where, value, "numbers, strings, tensors, or lists and dicts of these")
