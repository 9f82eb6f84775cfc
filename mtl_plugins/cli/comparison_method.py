"""Methods of `mtl compare`: names of balancers with options, such as `UPGrad:at=parameters,every=2`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.models.balancers import build_balancer

from .parse_value import parse_value

EQUAL = "equal"  # the method without a balancer


@dataclass(frozen=True)
class Method:
    """One way to balance the tasks.

    Attributes:
        name: Name in tables: `equal`, or the balancer with its options.
        config: Config of the balancer; None for `equal`.
    """

    name: str
    config: dict[str, Any] | None


def parse_method(text: str, known: Iterable[str]) -> Method:
    """Parse `equal`, `NAME` or `NAME:OPTION=VALUE,...`. Case and hyphens of the name do not matter.

    Args:
        text: The text.
        known: Registered names of balancers.

    Raises:
        ValueError: The name is unknown, or an option is malformed.

    Examples:
        >>> parse_method("imtl-g", ["IMTLG"]).config, parse_method("UW:warmup=10", ["UW"]).config
        ({'type': 'IMTLG'}, {'type': 'UW', 'warmup': 10})
    """
    given, colon, options = text.strip().partition(":")
    names = {_plain(name): name for name in ((*known,) if colon else (*known, EQUAL))}  # Equal is a balancer
    name = names.get(_plain(given))
    if name is None:
        valid = sorted({EQUAL, *names.values()})
        hint = did_you_mean(given, valid) or f"known: {', '.join(valid)}."
        raise ValueError(f"--methods {text}: no balancer has the name {given!r}; {hint.strip()}")
    if not colon:
        return Method(name, None if name == EQUAL else {"type": name})
    try:
        settings = parse_value(f"dict({options})")
    except ValueError as error:
        raise ValueError(f"--methods {text}: {error}. Write options as NAME:OPTION=VALUE,OPTION=VALUE.") from None
    if "type" in settings:
        raise ValueError(f"--methods {text}: type is not an option.")
    return Method(f"{name}:{options.replace(' ', '')}", {"type": name, **settings})


def check_method(method: Method, tasks: Sequence[str]) -> None:
    """Build the balancer of a method once, so that a wrong option is reported before anything trains.

    Raises:
        ValueError: An option has a value that is not allowed.
        TypeError: The balancer does not have an option.
    """
    if method.config is not None:
        build_balancer(method.config, tasks)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
