"""The configs that come with this package."""

from pathlib import Path

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.releases import list_releases, not_a_release, releases_in

PREFIX = "mtl_plugins::"  # mmengine's notation for configs of a package
_PACKAGE = Path(__file__).resolve().parents[1]


def preset_folder() -> Path:
    """The folder of the presets: packaged in an installation, `configs/` in the source tree."""
    packaged, source = _PACKAGE / "configs", _PACKAGE.parent / "configs"
    if packaged.is_dir():
        return packaged
    # next to an installed package, another package's folder of the same name may lie
    if source.is_dir() and (_PACKAGE.parent / "setup.py").is_file():
        return source
    raise FileNotFoundError(f"the presets are missing from the installation in {_PACKAGE}: install the package again.")


def list_presets() -> list[str]:
    """Names of all presets, such as `"hydranet_nyud"` or `"distillation/rooms_masked"`."""
    return list(_presets())


def find_config(config: str | Path) -> Path:
    """The path of a config file.

    Args:
        config: An existing file, or a preset: its name with or without its folder and `.py`, optionally with the
            prefix `mtl_plugins::`.

    Raises:
        FileNotFoundError: Neither a file nor a preset; the message has the nearest names.
    """
    name = str(config)
    if not name.startswith(PREFIX) and Path(name).is_file():
        return Path(name)
    return find_preset(name.removeprefix(PREFIX))


def find_preset(name: str) -> Path:
    """The path of a preset, by its name with or without its folder and `.py`; also of files in `_base_`.

    Raises:
        FileNotFoundError: No such preset; the message names the nearest ones.
    """
    wanted = Path(name).with_suffix("") if name.endswith(".py") else Path(name)
    parts = wanted.parts[1:] if wanted.parts[:1] == ("configs",) else wanted.parts
    presets = _presets()
    by_stem = {Path(preset).name: path for preset, path in presets.items()}
    found = presets.get("/".join(parts)) or (by_stem.get(parts[0]) if len(parts) == 1 else None)
    if found:
        return found
    base = preset_folder().joinpath(*parts).with_suffix(".py")
    if parts[:1] == ("_base_",) and ".." not in parts and base.is_file():
        return base
    if inside := releases_in(name):
        raise FileNotFoundError(not_a_release(name, inside))
    hint = did_you_mean(wanted.name, [*by_stem, *list_releases()], n=3, cutoff=0.4)
    raise FileNotFoundError(
        f"config not found: {name} is neither a file, a preset nor a release{': ' if hint else '. '}{hint}"
        "`mtl presets` lists all presets, `mtl releases` the trained networks."
    )


def _presets() -> dict[str, Path]:
    folder = preset_folder()
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*.py"))]
    paths = [path for path in paths if not path.parts[0].startswith("_")]
    stems = [path.stem for path in paths]
    if twins := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise ValueError(f"several presets in {folder} have the same name: {', '.join(twins)}. Rename one of each.")
    return {path.with_suffix("").as_posix(): folder / path for path in paths}
