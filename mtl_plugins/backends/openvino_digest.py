"""Checksums of OpenVINO's two files, in a comment at the end of the `.xml` file."""

import hashlib
import re
from pathlib import Path

_COMMENT = re.compile(rb"<!-- sha256 ([0-9a-f]{64}) ([0-9a-f]{64}) -->\s*\Z")


def append_digest(path: Path) -> None:
    """Append the checksums of an `.xml` file and its `.bin` file. OpenVINO ignores the comment."""
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (path, path.with_suffix(".bin"))]
    with path.open("a") as file:
        file.write(f"<!-- sha256 {' '.join(digests)} -->\n")


def check_digest(path: Path) -> None:
    """Check an `.xml` file and its `.bin` file before OpenVINO reads them. Files without checksums are accepted.

    Raises:
        ValueError: The `.bin` file is missing or is in another folder, or a file is damaged.
    """
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        raise ValueError(
            f"{path} cannot be read by OpenVINO: its weights {weights.name} are missing in its folder. Copy them there."
        )
    if weights.resolve().parent not in (path.parent.resolve(), path.resolve().parent):
        raise ValueError(f"{weights} is a link to another folder: copy the file there instead.")
    content = path.read_bytes()
    found = _COMMENT.search(content)
    if found is None:
        if b"<!-- sha256" in content:
            raise ValueError(f"{path} is damaged: its checksums are incomplete. Copy or export it again.")
        return
    for file, data, digest in zip(
        (path, weights), (content[: found.start()], weights.read_bytes()), found.groups(), strict=True
    ):
        if hashlib.sha256(data).hexdigest().encode() != digest:
            raise ValueError(
                f"{file} is damaged: it does not match the checksum in {path.name}. Copy or export it again."
            )
