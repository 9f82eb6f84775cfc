"""The releases that this version of the package knows: their files, sizes and checksums."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from mtl_plugins.files import read_json, write_text

RELEASE_PAGE = "https://github.com/mtl-plugins/mtl-plugins/raw/main/releases"
"""Where the files of the releases are, as `RELEASE_PAGE/NAME/FILE`."""

RELEASES_VARIABLE = "MTL_RELEASES"
"""Environment variable with another address of this layout, or with a local folder."""

NAME_PATTERN = r"[a-z0-9][a-z0-9_.-]{0,63}"
"""What a release may be called."""

INDEX_FILE = Path(__file__).with_name("index.json")
_SOURCE = Path(__file__).resolve().parents[2]


class ReleaseFile(NamedTuple):
    """A file of a release."""

    size: int
    """Bytes."""
    sha256: str


class IndexEntry(NamedTuple):
    """A release in the index."""

    about: str
    trained_with: str
    """Name of the config."""
    files: dict[str, ReleaseFile]
    """By name; all that is necessary to use the network."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())


def list_releases() -> dict[str, IndexEntry]:
    """The releases that can be fetched by name."""
    return {
        name: IndexEntry(
            entry["about"],
            entry["trained_with"],
            {file: ReleaseFile(values["size"], values["sha256"]) for file, values in entry["files"].items()},
        )
        for name, entry in read_json(INDEX_FILE).items()
    }


def add_to_index(name: str, entry: IndexEntry) -> None:
    """Add a release to the index, or replace it."""
    index = list_releases() | {name: entry}
    content: dict[str, Any] = {
        key: dict(
            about=value.about,
            trained_with=value.trained_with,
            files={file: found._asdict() for file, found in value.files.items()},
        )
        for key, value in sorted(index.items())
    }
    write_text(INDEX_FILE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def source_releases() -> Path | None:
    """The folder `releases` of the source tree; None in an installed package."""
    return _SOURCE / "releases" if (_SOURCE / "setup.py").is_file() else None


def release_page() -> str:
    """The address or the folder that has the files of the releases."""
    return os.environ.get(RELEASES_VARIABLE) or RELEASE_PAGE


def check_page(page: str) -> None:
    """Check that a release page is an http(s) address or an existing folder.

    Raises:
        ValueError: It is an address of another kind.
        FileNotFoundError: The folder does not exist.
    """
    if is_address(page):
        return
    if "://" in page:
        raise ValueError(
            f"{RELEASES_VARIABLE} is {page!r}, but only http:// and https:// addresses and local folders are supported."
        )
    if not Path(page).expanduser().is_dir():
        raise FileNotFoundError(
            f"{RELEASES_VARIABLE} is {page!r}, but there is no such folder. Set it to the folder that contains those "
            "of the releases, or to an http(s) address."
        )


def is_address(page: str) -> bool:
    """Whether a release page is an http(s) address, not a folder."""
    return page.lower().startswith(("http://", "https://"))
