"""Reading config files, with the modules that they name in `custom_imports`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from mtl_plugins.did_you_mean import did_you_mean


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
    import_custom_modules(cfg, path)
    return cfg


def import_custom_modules(cfg: Config, path: Path) -> None:
    """Import the `custom_imports` of a config that was read from `path`; see `read_config`.

    Raises:
        ImportError: A module cannot be imported.
        ValueError: `custom_imports` is not a dict, or Python imports another module instead of the one next to the
            config.
    """
    if not cfg.get("custom_imports"):
        return
    if not isinstance(cfg.custom_imports, dict):
        raise ValueError(
            f"{path}: custom_imports={cfg.custom_imports!r} is not a dict. Write "
            "custom_imports=dict(imports=['MODULE'])."
        )
    folders = [Path.cwd(), path.parent.resolve()]
    names = cfg.custom_imports.get("imports") or ()
    names = [names] if isinstance(names, str) else names
    try:
        import_modules_from_strings(**cfg.custom_imports)
    except ImportError as error:
        raise ImportError(f"{path}: an import of custom_imports failed: {_reason(error, names, folders)}") from error
    for name in names:
        _check_origin(name, folders, path)


def _reason(error: ImportError, names: Sequence[str], folders: list[Path]) -> str:
    """Why an import failed; mmengine's own message lists the search path, not the reason."""
    cause = error.__cause__ or error.__context__ or error
    missing = getattr(cause, "name", None)
    if not isinstance(cause, ModuleNotFoundError) or not any(f"{name}.".startswith(f"{missing}.") for name in names):
        return f"{cause}."
    places = " and ".join(map(str, dict.fromkeys(folders)))
    modules = {file.stem for folder in folders for file in folder.glob("*.py")}
    modules |= {file.parent.name for folder in folders for file in folder.glob("*/__init__.py")}
    hint = did_you_mean(str(missing), modules)
    return f"no module {missing!r} in {places}, nor among the installed packages{': ' + hint.strip() if hint else '.'}"


def _check_origin(name: str, folders: list[Path], config: Path) -> None:
    """Raise ValueError if a module is in one of the folders, but Python has imported a different one of that name."""
    imported = getattr(sys.modules.get(name), "__file__", None)
    origin = Path(imported).resolve() if imported else None
    stems = [folder.joinpath(*name.split(".")) for folder in folders]
    files = [file.resolve() for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")]
    files = [file for file in files if file.is_file() and file not in (config.resolve(), origin)]
    files = [file for file in files if origin and file.read_bytes() != origin.read_bytes()]  # an equal copy is fine
    if files:
        raise ValueError(
            f"{config}: custom_imports names {name!r}, but Python imports {origin} instead of {files[0]}: a module of "
            f"this name is installed, or another config has imported its own. Rename the file {files[0].name}."
        )
