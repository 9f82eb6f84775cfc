from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mtl_plugins.datasets.data_error import DataError
from mtl_plugins.files import remove_temporaries

from .unpack_archive import unpack_archive


def unpack_dataset(
    given: Sequence[str | Path],
    name: str,
    archives: Iterable[str],
    select: Callable[[str], str | None],
    out: str | Path | None = None,
    show: bool = True,
) -> Path:
    """The folder of a set of which a folder is given, or its archives as they were downloaded.

    Archives are unpacked into ``out``, by default beside the first one into a folder ``name``; archives that lie in the
    given folder, into ``out`` or that folder itself. What is unpacked already is passed over.

    Args:
        given: one folder, or archives.
        archives: patterns of the official archives' names, to be looked for in the folder.
        select: as of `unpack_archive`.

    Raises:
        FileNotFoundError: nothing is there.
        DataError: an archive is damaged, or holds nothing of the set.
    """
    given = [Path(path).expanduser() for path in given]
    missing = [path for path in given if not path.exists()]
    if missing:
        raise FileNotFoundError(f"there is no {missing[0]}: give the folder of the set, or archives of it.")
    folders = [path for path in given if path.is_dir()]
    if folders and len(given) > 1:
        raise ValueError(f"give one folder or some archives, not {len(given)} of which {folders[0]} is a folder.")
    if folders:
        root, found = folders[0], sorted({path for pattern in archives for path in folders[0].glob(pattern)})
        target = Path(out).expanduser() if out and found else root
    else:
        found, target = given, Path(out).expanduser() if out else given[0].parent / name
    for archive in found:
        unpack_selected(archive, target, select, show)
    return target


def unpack_selected(archive: Path, out: Path, select: Callable[[str], str | None], show: bool = True) -> list[Path]:
    """`unpack_archive`, which must find something, and without what killed runs left half-written.

    Raises:
        DataError: also if the archive holds nothing that ``select`` takes.
    """
    paths = unpack_archive(archive, out, select, show)
    if not paths:
        raise DataError(f"{archive} holds nothing of this set. Is it the right archive?")
    for folder in {path.parent for path in paths}:
        remove_temporaries(folder)
    return paths
