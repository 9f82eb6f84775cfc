"""Files of the same name in several folders."""

from collections.abc import Sequence
from pathlib import Path


class FilesByName:
    """Finds files by their name without the ending; each folder is listed once.

    Args:
        root: The folder that contains the folders.
    """

    def __init__(self, root: Path):
        self.root = root
        self._found: dict[str, dict[str, Path]] = {}

    def find(self, folder: str, name: str, suffixes: Sequence[str]) -> Path | None:
        """The file `<folder>/<name><suffix>` with the first suffix for which it exists; None without such a file."""
        if folder not in self._found:
            place = self.root / folder
            self._found[folder] = {path.name: path for path in place.iterdir()} if place.is_dir() else {}
        files = self._found[folder]
        return next((files[name + suffix] for suffix in suffixes if name + suffix in files), None)
