import json
import zlib
from pathlib import Path
from typing import Any


class Journal:
    """A file of results that are appended one by one, so that a killed run can resume.

    Args:
        path: The file, with one result and its checksum per line. Truncated and damaged lines are ignored.
    """

    def __init__(self, path: Path):
        self.path = path

    def read(self) -> dict[str, Any]:
        """The results of earlier runs by key."""
        found = {}
        for line in self.path.read_text(errors="replace").splitlines() if self.path.is_file() else ():
            try:
                key, result, checksum = json.loads(line)
                if checksum == _checksum(key, result):
                    found[key] = result
            except (ValueError, TypeError, RecursionError):
                continue
        return found

    def add(self, key: str, result: object) -> None:
        """Append a result; safe to call from several processes, because a line is written at once."""
        # the line break comes first, in case the last line is truncated
        with open(self.path, "ab", buffering=0) as file:
            file.write(f"\n{json.dumps([key, result, _checksum(key, result)])}\n".encode())

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


def _checksum(key: str, result: object) -> int:
    return zlib.crc32(json.dumps([key, result]).encode())
