import json
from collections.abc import Iterable
from pathlib import Path

from .atomic_write import TEMPORARY_PREFIX, remove_temporaries, write_text
from .png_file import png_is_complete


class ResumableFolder:
    """The folder that a set is prepared into. It tells what it holds, and whether all of it is there.

    ``<name>.started.json`` says what is under way, ``<name>.json``, written last, that it is complete, with the
    summary. A run that was killed goes on; another set, or other settings, never mix with what is there.

    Args:
        out: the folder; it is made.
        name: of the set, lower case.
        title: of the set, for messages.
        identity: what makes the files what they are (source, seed, size, version): another needs another folder.
    """

    def __init__(self, out: str | Path, name: str, title: str, identity: dict):
        self.out, self.name, self.title = Path(out), name, title
        self.identity = json.loads(json.dumps(identity))  # as it comes back from the file: lists for tuples
        self.marker, self.started = self.out / f"{name}.json", self.out / f"{name}.started.json"

    def check(self) -> None:
        """Refuse a folder that holds other things.

        Raises:
            ValueError: it is a file, is not empty and no such set, or holds one of another identity.
        """
        if self.out.exists() and not self.out.is_dir():
            raise ValueError(f"{self.out} is a file; give a folder for the set.")
        if not self.out.exists() or all(path.name.startswith(TEMPORARY_PREFIX) for path in self.out.iterdir()):
            return
        marker = next((path for path in (self.marker, self.started) if path.exists()), None)
        if marker is None:
            raise ValueError(f"{self.out} is not empty and holds no {self.title} set; give a new or an empty folder.")
        try:
            held = json.loads(marker.read_text())
        except ValueError:
            raise ValueError(f"{marker} is no JSON; delete {self.out} and prepare the set again.") from None
        wrong = [
            f"{key} {held.get(key)} (asked: {value})" for key, value in self.identity.items() if held.get(key) != value
        ]
        if wrong:
            raise ValueError(
                f"{self.out} holds another {self.title} set: {', '.join(wrong)}. Give another folder, or delete it."
            )

    def finished(self, files: Iterable[Path], **wanted) -> dict | None:
        """The summary, if the set is complete: its marker says so, with ``wanted``, and all ``files`` are there."""
        if not self.marker.exists():
            return None
        held = json.loads(self.marker.read_text())
        same = all(held.get(key) == value for key, value in (self.identity | wanted).items())
        if not same:
            return None
        whole = all(png_is_complete(path) if path.suffix == ".png" else path.exists() for path in files)
        return held if whole else None

    def begin(self, folders: Iterable[str] = ()) -> None:
        """Make the folders, and mark the set as under way."""
        write_text(self.started, json.dumps(self.identity))  # first: a folder without a marker is refused
        self.marker.unlink(missing_ok=True)
        for folder in folders:
            (self.out / folder).mkdir(parents=True, exist_ok=True)

    def finish(self, summary: dict) -> dict:
        """Remove what killed runs left half-written, mark the set as complete, and return what the marker holds."""
        for folder in (self.out, *(path for path in self.out.rglob("*") if path.is_dir())):
            remove_temporaries(folder)
        summary = self.identity | summary
        write_text(self.marker, json.dumps(summary, indent=1) + "\n")
        self.started.unlink(missing_ok=True)
        return summary
