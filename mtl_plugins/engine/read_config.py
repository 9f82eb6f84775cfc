"""Reading config files, with the modules that they name in `custom_imports`."""

import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings


def read_config(path: str | Path) -> Config:
    """Read a config file and import its `custom_imports`.

    Modules are found among the installed packages, in the working directory and in the config's folder. Both folders
    are appended to `sys.path`, so that they shadow no installed package.

    Raises:
        FileNotFoundError: The file, or one that it inherits from, does not exist.
        ImportError: A module of `custom_imports` cannot be imported.
        ValueError: The file is not a valid config, or Python imports another module instead of the one next to it.
    """
    path = Path(path)
    folders = [Path.cwd(), path.parent.resolve()]
    sys.path.extend(folder for folder in dict.fromkeys(map(str, folders)) if folder not in sys.path)
    if not path.is_file():
        raise FileNotFoundError(f"config not found: {path}")
    try:
        cfg = Config.fromfile(path, import_custom_modules=False)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: a config in _base_ does not exist: {error.filename or error}") from error
    except Exception as error:  # a config is a program
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise ValueError(f"cannot read the config {path}{line}: {type(error).__name__}: {error}") from error
    if not cfg.get("custom_imports"):
        return cfg
    try:
        import_modules_from_strings(**cfg.custom_imports)
    except ImportError as error:
        raise ImportError(
            f"{path}: an import of custom_imports failed: {error}. Modules are searched for among the installed "
            "packages, in the working directory and in the config's folder."
        ) from error
    names = cfg.custom_imports.get("imports") or ()
    for name in [names] if isinstance(names, str) else names:
        _check_origin(name, folders, path)
    return cfg


def _check_origin(name: str, folders: list[Path], config: Path) -> None:
    """Raise ValueError if a module is in one of the folders, but Python has imported a different one of that name."""
    origin = getattr(sys.modules.get(name), "__file__", None)
    stems = [folder.joinpath(*name.split(".")) for folder in folders]
    files = [file.resolve() for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")]
    files = [file for file in files if file.is_file() and file != config.resolve()]
    if not origin or not files or Path(origin).resolve() in files:
        return
    if Path(origin).read_bytes() != files[0].read_bytes():  # an equal copy does the same
        raise ValueError(
            f"{config}: custom_imports names {name!r}, but Python imports {origin} instead of {files[0]}: a module of "
            "this name is installed, or another config has imported its own. Rename the file."
        )
