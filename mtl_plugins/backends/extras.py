import importlib
from importlib.util import find_spec
from types import ModuleType


def require(module: str, extra: str) -> ModuleType:
    """Import an optional library.

    Args:
        module: Name of the module.
        extra: The optional dependency group of this package that contains it.

    Raises:
        ImportError: The library is not installed or cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        problem = f"cannot be imported ({error})" if is_installed(module) else "is not installed"
        raise ImportError(f"{module} {problem}: run pip install 'mtl_plugins[{extra}]'.") from error


def is_installed(module: str) -> bool:
    """Whether a module can be found."""
    return find_spec(module) is not None
