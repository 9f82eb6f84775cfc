from collections.abc import Iterable, Sequence
from pathlib import Path

from mtl_plugins.datasets import DataError
from mtl_plugins.files import remove_temporaries

from .unpack_archive import SelectMember, unpack_archive


def as_paths(given: str | Path | Sequence[str | Path]) -> list[Path]:
    """One or several paths as a list, with `~` expanded."""
    return [Path(path).expanduser() for path in ([given] if isinstance(given, (str, Path)) else given)]


def unpack_dataset(
    given: str | Path | Sequence[str | Path],
    name: str,
    archives: Iterable[str],
    select: SelectMember,
    out: str | Path | None = None,
    show: bool = True,
) -> Path:
    """Return the folder of a dataset, given that folder or the downloaded archives.

    Given archives are unpacked to `out`, by default a folder `name` next to the first one. Archives inside a given
    folder are unpacked to `out`, by default that folder. Members that exist already are skipped.

    Args:
        given: One folder, or archives.
        name: Name of the dataset.
        archives: Glob patterns of the official archives to look for in the folder.
        select: See `unpack_archive`.
        out: Target folder.
        show: Whether to show progress bars.

    Raises:
        FileNotFoundError: A path does not exist.
        ValueError: Several folders, or a folder and archives.
        DataError: An archive is damaged or contains nothing of the dataset.
    """
    given = as_paths(given)
    missing = [path for path in given if not path.exists()]
    if missing:
        raise FileNotFoundError(f"{missing[0]} does not exist: give the folder of the dataset, or its archives.")
    folders = [path for path in given if path.is_dir()]
    if folders and len(given) > 1:
        raise ValueError(
            f"expected one folder or several archives, but got {len(given)} paths with {folders[0]}, a folder."
        )
    if folders:
        root, found = folders[0], sorted({path for pattern in archives for path in folders[0].glob(pattern)})
        target = Path(out).expanduser() if out and found else root
    else:
        found, target = given, Path(out).expanduser() if out else given[0].parent / name
    for archive in found:
        unpack_selected(archive, target, select, show)
    return target


def unpack_selected(archive: Path, out: Path, select: SelectMember, show: bool = True) -> list[Path]:
    """Unpack the selected members of an archive and remove partial files of killed runs; see `unpack_archive`.

    Raises:
        DataError: Also if `select` matches no member.
    """
    paths = unpack_archive(archive, out, select, show)
    if not paths:
        raise DataError(f"{archive} contains no file of this dataset. Is it the right archive?")
    for folder in {path.parent for path in paths}:
        remove_temporaries(folder)
    return paths
