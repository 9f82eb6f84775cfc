"""Errors about unknown options that name the component in the config."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine.config import Config
from torch.utils.data import DataLoader

from mtl_plugins.registry import UnknownOptionError, describe_unknown_option, find_component, parse_unknown_option


@contextmanager
def explain_options(cfg: Config | Mapping) -> Iterator[None]:
    """Raise `UnknownOptionError` for options in `cfg` that a component does not have.

    Python's error does not list the options, and it names the base class to which the configured class passed the
    option. mmengine's Runner builds most components with mmengine's own registries, so the component is looked up in
    the config.
    """
    try:
        yield
    except UnknownOptionError:
        raise
    except TypeError as error:
        unknown = parse_unknown_option(error)
        component = find_configured(cfg.to_dict() if isinstance(cfg, Config) else cfg, *unknown) if unknown else None
        if unknown is None or component is None:
            raise
        raise UnknownOptionError(describe_unknown_option(component, unknown[1])) from error


def find_configured(cfg: Any, failed: str, option: str) -> type | None:
    """The class in a config that has `option` and is, or derives from, the class named `failed`."""
    if isinstance(cfg, Mapping):
        component = _component_of(cfg)
        if option in cfg and component is not None and failed in (base.__name__ for base in component.__mro__):
            return component
    elif not isinstance(cfg, Sequence) or isinstance(cfg, str):
        return None
    parts = cfg.values() if isinstance(cfg, Mapping) else cfg
    return next((found for part in parts if (found := find_configured(part, failed, option))), None)


def _component_of(cfg: Mapping) -> type | None:
    kind = cfg.get("type")
    if kind is None and "dataset" in cfg and "sampler" in cfg:
        return DataLoader  # the only component that mmengine configures without a type
    component = find_component(kind) if isinstance(kind, str) else kind
    return component if inspect.isclass(component) else None
