"""Where mmengine looks for the scope ``mtl_plugins``; the registries live in the package ``registry``."""

from registry import *  # noqa: F403
from registry import __all__  # noqa: F401
