"""What `mmengine.hub.get_model` calls in each package."""

from importlib import import_module

from mmengine import registry

from mtl_plugins.registry import SCOPE

_PACKAGES = ("models", "datasets", "evaluation", "visualization", "engine", "apis")


def register_all_modules(init_default_scope: bool = True) -> None:
    """Import every module that registers components.

    Args:
        init_default_scope: Whether to make `mtl_plugins` the default scope of mmengine's registries.
    """
    for package in _PACKAGES:
        import_module(f"{SCOPE}.{package}")
    if init_default_scope:
        registry.init_default_scope(SCOPE)
