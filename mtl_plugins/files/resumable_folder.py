import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .atomic_write import TEMPORARY_PREFIX, remove_temporaries, write_text
from .png_file import png_is_complete
from .text_file import read_json


class ResumableFolder:
    """A folder that a dataset is written to; it records what it contains and whether it is complete.

    `<name>.started.json` describes a preparation in progress. `<name>.json` is written last and marks the dataset as
    complete; it contains the summary. A killed run resumes. Another dataset, or other settings, are refused, except for
    an unfinished preparation with other settings that wrote nothing or only files that are quick to write again.

    Args:
        out: The folder; `begin` creates it.
        name: Name of the dataset in file names, lower case.
        title: Name of the dataset in messages.
        identity: What determines the files (source, seed, size, version); another identity needs another folder.
        replaceable: Glob patterns of files that `begin` deletes if an unfinished preparation had another identity.
            None: such a preparation is replaced only if it wrote no file, and refused otherwise.
    """

    def __init__(
        self,
        out: str | Path,
        name: str,
        title: str,
        identity: Mapping[str, Any],
        replaceable: Iterable[str] | None = None,
    ):
        self.out, self.name, self.title = Path(out), name, title
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))  # lists for tuples, as in the file
        self.marker, self.started = self.out / f"{name}.json", self.out / f"{name}.started.json"
        self._replaceable = None if replaceable is None else tuple(replaceable)

    def check(self) -> None:
        """Check that the folder is new, empty, or belongs to this dataset.

        Raises:
            ValueError: The path is a file, or the folder contains something else or another identity.
        """
        if self.out.exists() and not self.out.is_dir():
            raise ValueError(f"{self.out} is a file; set a folder for the dataset.")
        if not self.out.exists() or all(path.name.startswith(TEMPORARY_PREFIX) for path in self.out.iterdir()):
            return
        marker = next((path for path in (self.marker, self.started) if path.exists()), None)
        if marker is None:
            raise ValueError(
                f"{self.out} is not empty and contains no {self.title} dataset; set a new or an empty folder."
            )
        try:
            content = read_json(marker)
        except ValueError as error:
            raise ValueError(f"{error} Delete {self.out} and prepare the dataset again.") from None
        wrong = self._differences(content)
        if wrong and not self.replaces:
            kind = "another" if marker == self.marker else "an unfinished preparation of another"
            raise ValueError(
                f"{self.out} contains {kind} {self.title} dataset: {', '.join(wrong)}. Set another folder or delete it."
            )

    @property
    def replaces(self) -> bool:
        """Whether the folder contains an unfinished preparation with another identity, which `begin` replaces."""
        if self.marker.exists() or not self.started.exists() or not self._differences(read_json(self.started)):
            return False
        return self._replaceable is not None or not any(map(self._is_content, self.out.rglob("*")))

    def finished(self, files: Iterable[Path], **wanted: Any) -> dict[str, Any] | None:
        """The summary if the dataset is complete, otherwise None.

        Args:
            files: Files that must exist; PNGs must be complete.
            **wanted: Items that the summary must contain, in addition to the identity.
        """
        if not self.marker.exists():
            return None
        summary = read_json(self.marker)
        if any(summary.get(key) != value for key, value in (self.identity | wanted).items()):
            return None
        complete = all(png_is_complete(path) if path.suffix == ".png" else path.exists() for path in files)
        return summary if complete else None

    def begin(self, folders: Iterable[str] = ()) -> None:
        """Mark the preparation as started, and create the given subfolders."""
        if self.replaces:
            for path in [path for pattern in self._replaceable or () for path in self.out.glob(pattern)]:
                path.unlink(missing_ok=True)
        write_text(self.started, json.dumps(self.identity))  # first, because `check` refuses unmarked content
        self.marker.unlink(missing_ok=True)
        for folder in folders:
            (self.out / folder).mkdir(parents=True, exist_ok=True)

    def finish(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """Remove partial files of killed runs, mark the dataset as complete, and return the marker's content."""
        for folder in (self.out, *(path for path in self.out.rglob("*") if path.is_dir())):
            remove_temporaries(folder)
        content = self.identity | dict(summary)
        write_text(self.marker, json.dumps(content, indent=1) + "\n")
        self.started.unlink(missing_ok=True)
        return content

    def _differences(self, content: Mapping[str, Any]) -> list[str]:
        return [
            f"{key} {content.get(key)} (requested: {value})"
            for key, value in self.identity.items()
            if content.get(key) != value
        ]

    def _is_content(self, path: Path) -> bool:
        if path == self.started or path.name.startswith(TEMPORARY_PREFIX):
            return False
        return path.is_symlink() or not path.is_dir()
