"""Makes presets available to mmengine as `mtl_plugins::hydranet_nyud.py`."""

import functools
from collections.abc import Callable
from typing import Any

from mmengine.config import Config
from mmengine.hub import hub

from mtl_plugins.registry import SCOPE

from .presets import PREFIX, find_preset

_MARK = "_finds_presets_of_mtl_plugins"  # an attribute of the functions replaced here; other packages may wrap them too


def register_presets() -> None:
    """Let mmengine find presets by name: in `_base_`, `mmengine.hub.get_config` and `mmengine.hub.get_model`.

    mmengine looks for such configs in the folder `.mim` of an installed distribution by means of `pkg_resources`,
    which setuptools no longer contains, and only accepts names with a folder. Its functions are therefore wrapped:
    names that begin with `mtl_plugins::` are resolved here, all others as before. Repeated calls have no effect.
    """
    if hasattr(hub.get_installed_path, _MARK):
        return
    _extend("_get_package_and_cfg_path", _is_preset, lambda name: (SCOPE, name.removeprefix(PREFIX)))
    _extend("install_package", _is_ours, lambda package: None)
    _extend("get_installed_path", _is_ours, lambda package: package)
    _extend("_get_cfg_metainfo", _is_ours, lambda package, name: {"Config": str(find_preset(name))})
    original = Config._get_cfg_path

    @functools.wraps(original)
    def get_base_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if _is_preset(cfg_path):
            # No scope: mmengine would add a key to every dict of the base config, also to the heads and datasets.
            return str(find_preset(cfg_path.removeprefix(PREFIX))), None
        return original(cfg_path, filename)

    Config._get_cfg_path = staticmethod(get_base_path)


def _is_preset(name: str) -> bool:
    return name.startswith(PREFIX)


def _is_ours(package: str) -> bool:
    return package == SCOPE


def _extend(function: str, condition: Callable[[str], bool], ours: Callable) -> None:
    """Replace a function of mmengine's hub by one that calls `ours` if its first argument meets the condition."""
    original = getattr(hub, function)

    @functools.wraps(original)
    def extended(first: str, *args: Any, **kwargs: Any) -> Any:
        return (ours if condition(first) else original)(first, *args, **kwargs)

    setattr(extended, _MARK, True)
    setattr(hub, function, extended)
