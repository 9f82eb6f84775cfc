"""The project's registries. They live in `mtl_plugins.registry`; this package re-exports them."""

from mtl_plugins.registry import *  # noqa: F403
from mtl_plugins.registry import __all__  # noqa: F401
