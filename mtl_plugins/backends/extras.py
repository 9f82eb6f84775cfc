import importlib
from importlib.util import find_spec
from types import ModuleType


def require(module: str, extra: str) -> ModuleType:
    """The imported library.

    Raises:
        ImportError: it is not installed; the message names the extra of ours that has it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        told = f"can't be imported ({error})" if is_installed(module) else "is not installed"
        raise ImportError(f"{module} {told}: run pip install 'mtl_plugins[{extra}]'.") from error


def is_installed(module: str) -> bool:
    return find_spec(module) is not None
