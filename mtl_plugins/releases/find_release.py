"""Finding a release: a folder, or a name whose files are in the source tree, in the cache or on the release page."""

import hashlib
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from mtl_plugins.files import DataError, FolderInUseError, FolderLock, download, read_regular_file
from mtl_plugins.kernels.library_cache import private_folder

from .description import DESCRIPTION_FILE
from .release_index import (
    NAME_PATTERN,
    RELEASES_VARIABLE,
    IndexEntry,
    ReleaseFile,
    check_page,
    is_address,
    list_releases,
    release_page,
    source_releases,
)

_FETCHING = Lock()  # a `FolderLock` excludes other processes, not other threads
_PATIENCE = 600.0  # seconds that another process may need for the same download
_PAUSE = 0.2  # seconds between two looks
_RETRIES = 2
_SHOWN = 5  # releases that a message lists


def is_release(name: str | Path) -> bool:
    """Whether `name` is the folder of a release, its `model.json`, or the name of a release. Fetches nothing."""
    return _folder_of(name) is not None or _is_name(name) and (str(name) in list_releases() or _in_page(name))


def find_release(name: str | Path) -> Path:
    """The folder of a release; fetches it if necessary.

    Args:
        name: The folder or its `model.json`, or a name from `list_releases`. The files of a name are looked for in
            `$MTL_RELEASES` if it is set, in the source tree, in the cache (`~/.cache/mtl_plugins/releases`), and on the
            release page. Files with another size or checksum than in the index are not used.

    Raises:
        FileNotFoundError: There is no such release, or the release page does not have it.
        ValueError: `$MTL_RELEASES` is an address of another kind than http(s).
        ConnectionError: The release page cannot be reached.
        DataError: The files of a folder are not those of the release.
    """
    if (folder := _folder_of(name)) is not None:
        return folder
    entry = list_releases().get(str(name))
    if entry is None:
        if _is_name(name) and _in_page(name):
            return Path(release_page(), name)
        if inside := releases_in(name):
            raise FileNotFoundError(not_a_release(name, inside))
        check_page(release_page())
        raise FileNotFoundError(
            f"{name} is neither the folder of a release nor the name of one. Releases: {', '.join(list_releases())}."
        )
    page, source = release_page(), source_releases()
    check_page(page)
    if not is_address(page):
        return _checked(Path(page).expanduser() / name, entry)
    if not os.environ.get(RELEASES_VARIABLE) and source and (source / name / DESCRIPTION_FILE).is_file():
        return _checked(source / name, entry)
    return _fetch(str(name), entry, page)


def releases_in(folder: str | Path) -> list[Path]:
    """The folders of releases in a folder; empty if it has none or does not exist."""
    return sorted(path.parent for path in Path(folder).expanduser().glob(f"*/{DESCRIPTION_FILE}"))


def not_a_release(folder: str | Path, inside: Sequence[Path]) -> str:
    """The message for a folder that only contains releases; `inside` are their folders."""
    shown = ", ".join(map(str, inside[:_SHOWN])) + (", ..." if len(inside) > _SHOWN else "")
    return f"{folder} is not a release, but a folder that contains releases. Give the path of one: {shown}."


def _folder_of(name: str | Path) -> Path | None:
    path = Path(name).expanduser()
    if path.name == DESCRIPTION_FILE and path.is_file():
        return path.parent
    return path if path.is_dir() and (path / DESCRIPTION_FILE).is_file() else None


def _is_name(name: str | Path) -> bool:
    return re.fullmatch(NAME_PATTERN, str(name)) is not None


def _in_page(name: str | Path) -> bool:
    """Whether a local release page has a release of this name that is not in the index."""
    page = release_page()
    return not is_address(page) and (Path(page).expanduser() / name / DESCRIPTION_FILE).is_file()


def _checked(folder: Path, entry: IndexEntry) -> Path:
    """A local folder whose files are those of the index."""
    for name, file in entry.files.items():
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder / name} is missing. {RELEASES_VARIABLE} must be an http(s) address, or a folder that "
                f"contains {folder.name}/{name}."
            )
        if not _matches(folder / name, file):
            raise DataError(
                f"{folder / name} is not the file of the release {folder.name}: its size or sha256 differs from the "
                f"index. Copy it again; to use this folder with the files that it has, give its path: {folder}."
            )
    return folder


def _matches(path: Path, file: ReleaseFile) -> bool:
    try:
        return hashlib.sha256(read_regular_file(path, file.size)).hexdigest() == file.sha256
    except OSError:
        return False


def _fetch(name: str, entry: IndexEntry, page: str) -> Path:
    """The folder in the cache; its name contains a checksum, so that versions of a release do not mix."""
    try:
        cache = private_folder() / "releases"
    except RuntimeError as error:
        raise OSError(f"the release {name} cannot be stored: {error}") from error
    folder = cache / f"{name}-{entry.files[DESCRIPTION_FILE].sha256[:12]}"
    end = time.monotonic() + _PATIENCE
    with _FETCHING:
        while not all(_matches(folder / file, values) for file, values in entry.files.items()):
            try:
                with FolderLock(folder, f"the download of the release {name}"):
                    _download_files(name, entry, page, folder)
            except FolderInUseError:
                if time.monotonic() > end:
                    raise
                time.sleep(_PAUSE)
    return folder


def _download_files(name: str, entry: IndexEntry, page: str, folder: Path) -> None:
    for file, (size, sha256) in entry.files.items():
        path = folder / file
        if path.exists() and not _matches(path, entry.files[file]):
            path.unlink()  # damaged in the cache
        try:
            download(f"{page.rstrip('/')}/{name}/{file}", path, size, sha256, retries=_RETRIES)
        except (ConnectionError, FileNotFoundError, DataError) as error:
            raise type(error)(
                f"the release {name} could not be fetched: {error} Or copy the folder {name} from a machine that has "
                f"it, and set {RELEASES_VARIABLE} to the folder that contains it."
            ) from error
