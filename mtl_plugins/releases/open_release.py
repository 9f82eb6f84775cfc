from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from .description import WEIGHTS_FILE, read_description
from .find_release import find_release, is_release
from .weights_file import read_weights


class Release(NamedTuple):
    """A release that was read from its folder; every value is checked."""

    folder: Path
    description: dict[str, Any]
    """The content of `model.json`."""
    state: dict[str, Tensor]
    """The weights."""

    @property
    def origin(self) -> str:
        """The path of the weights, for messages."""
        return str(self.folder / WEIGHTS_FILE)


def open_release(folder: str | Path) -> Release:
    """Read a release. Nothing in its folder is executed.

    Raises:
        FileNotFoundError: A file is missing.
        DataError: A file is damaged or was changed, or is not what a release contains.
    """
    folder = Path(folder)
    description = read_description(folder)
    weights = description["weights"]
    return Release(folder, description, read_weights(folder / WEIGHTS_FILE, weights["size"], weights["sha256"]))


def weights_path(checkpoint: str) -> str:
    """The path of the weights to load: those of a release, after checks; any other checkpoint as it was given.

    Raises:
        FileNotFoundError: A file of the release is missing.
        DataError: The release is damaged or was changed.
    """
    if Path(checkpoint).is_file() or not is_release(checkpoint):
        return checkpoint
    return open_release(find_release(checkpoint)).origin
