"""Downloads large files: resumes after an interruption, verifies, and renames a file only when it is complete."""

import errno
import hashlib
import json
import os
import re
import time
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from mtl_plugins.datasets import DataError
from mtl_plugins.files import disk_is_full, free_space, progress_bar, write_error, write_text

_BLOCK = 1 << 16  # bytes
_BUSY = (408, 425, 429)  # status codes that justify another try, like all from 500
# "identity", because a compressed response has other lengths and ranges than the file
_HEADERS = {"User-Agent": "Mozilla/5.0 (mtl-plugins prepare_dataset)", "Accept-Encoding": "identity"}


def download(
    url: str,
    path: str | Path,
    size: int | None = None,
    sha256: str | None = None,
    md5: str | None = None,
    show: bool = True,
    retries: int = 4,
    pause: float = 1.0,
    timeout: float = 30.0,
) -> Path:
    """Download `url` to the file `path`; an existing file is only verified.

    A partial download is kept as `<path>.part`, and `<path>.part.json` identifies the version of the file. The next
    try, or the next run, requests the remaining bytes of the same version. If the server does not support ranges or has
    another version by now, the download starts again.

    Args:
        url: The address.
        path: The file; its folder is created if necessary.
        size: Required size in bytes.
        sha256: Required checksum, hexadecimal.
        md5: Required checksum, hexadecimal.
        show: Whether to show a progress bar.
        retries: Number of consecutive tries without progress before giving up.
        pause: Seconds before the second try; doubled before each further one.
        timeout: Seconds without data after which the connection counts as broken.

    Raises:
        FileNotFoundError: The server does not have the file or refuses access.
        ConnectionError: There is no network, or the connection broke repeatedly.
        OSError: The disk is full or the folder is not writable.
        DataError: The size or checksum is wrong, or the server returned a web page instead of the file.
    """
    source = _Source(url, Path(path), size, {"sha256": sha256, "md5": md5})
    if source.path.exists():
        source.verify(source.path, "Delete it and run the command again")
        return source.path
    source.path.parent.mkdir(parents=True, exist_ok=True)
    _fetch_with_retries(source, show, retries, pause, timeout)
    try:
        source.verify(source.part, "The server has another version, or the file was damaged on the way: it was deleted")
    except DataError:
        source.forget()
        raise
    os.replace(source.part, source.path)
    source.forget()
    return source.path


@dataclass(frozen=True)
class _Source:
    """A file on a server, its target, and its partial download."""

    url: str
    path: Path
    size: int | None
    checksums: dict[str, str | None]

    @property
    def part(self) -> Path:
        return self.path.with_name(self.path.name + ".part")

    @property
    def version_file(self) -> Path:
        return self.path.with_name(self.path.name + ".part.json")

    def begun(self) -> tuple[dict[str, Any], int]:
        """The version of the partial download and its size; an empty version if nothing can be resumed."""
        try:
            version, start = json.loads(self.version_file.read_text()), self.part.stat().st_size
        except (OSError, ValueError):
            return {}, 0
        usable = start and version.get("url") == self.url and version.get("validator")
        return (version, start) if usable else ({}, 0)

    def begin(self, version: dict[str, Any]) -> None:
        self.part.unlink(missing_ok=True)  # first, so that bytes of two versions are never mixed
        write_text(self.version_file, json.dumps(version))

    def forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.version_file.unlink(missing_ok=True)

    def verify(self, file: Path, advice: str) -> None:
        found = file.stat().st_size
        if self.size is not None and found != self.size:
            raise DataError(
                f"{file} has {found:,} bytes, but {self.size:,} are expected. {advice}. {self.manual_advice()}"
            )
        for name, expected in self.checksums.items():
            if expected is not None and (checksum := _checksum(file, name)) != expected.lower():
                raise DataError(
                    f"the {name} of {file} is {checksum}, but {expected} is expected. {advice}. {self.manual_advice()}"
                )

    def manual_advice(self) -> str:
        return f"To download it manually: save {self.url} as {self.path} and run the command again."

    def advice(self) -> str:
        start = self.begun()[1]
        kept = f"{start / 1e6:,.1f} MB are kept in {self.part}: run the command again to resume. " if start else ""
        return kept + self.manual_advice()


def _checksum(path: Path, name: str) -> str:
    digest = hashlib.new(name)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _fetch_with_retries(source: _Source, show: bool, retries: int, pause: float, timeout: float) -> None:
    failures, most = 0, source.begun()[1]
    while True:
        try:
            return _fetch(source, show, timeout)
        except (OSError, HTTPException) as error:
            _raise_if_permanent(error, source)
            size = source.part.stat().st_size if source.part.exists() else 0
            failures = 0 if size > most else failures + 1
            most = max(most, size)
            reason = getattr(error, "reason", None) or error
            if failures > retries:
                raise ConnectionError(
                    f"{source.url} could not be downloaded: {reason}. Consecutive tries without progress: {failures}. "
                    f"Is there a network, and does it reach the server? {source.advice()}"
                ) from None
            wait = pause * 2**failures
            if show:
                print(f"{source.path.name}: {reason}; trying again in {wait:g} s")
            time.sleep(wait)


def _raise_if_permanent(error: Exception, source: _Source) -> None:
    """Raise errors that another try would not fix."""
    if isinstance(error, HTTPError):
        if error.code >= 500 or error.code in _BUSY:
            return
        login = "It requires a login. " if error.code in (401, 403) else ""
        raise FileNotFoundError(
            f"the server refuses {source.url}: {error.code} {error.reason}. {login}{source.advice()}"
        ) from None
    if isinstance(error, OSError) and disk_is_full(error):
        missing = "" if error.strerror == os.strerror(error.errno or 0) else f"{error.strerror}. "
        advice = f"{missing}Free some space. {source.advice()}"
        raise write_error(error, source.path, advice=advice) from None
    if getattr(error, "filename", None) is not None:
        raise error  # about a local file, not the network


def _fetch(source: _Source, show: bool, timeout: float) -> None:
    """Try once."""
    version, start = source.begun()
    if version and start == version["size"]:
        return
    headers = {"Range": f"bytes={start}-", "If-Range": version["validator"]} if version else {}
    try:
        response = urlopen(Request(source.url, headers=_HEADERS | headers), timeout=timeout)
    except HTTPError as error:
        if error.code != 416:  # range not satisfiable: download everything again
            raise
        source.forget()
        return _fetch(source, show, timeout)
    with response:
        found = _version(source.url, response)
        if response.status == 206 and not _continues(response, found, version, start):
            source.forget()  # the server ignores If-Range
            return _fetch(source, show, timeout)
        if response.status != 206:
            _refuse_pages(response, source)
            source.begin(found)
            start = 0
        _refuse_sizes(found["size"], start, source)
        _append(response, source.part, start, found["size"], source.path.name, show)


def _append(response: HTTPResponse, part: Path, start: int, size: int | None, name: str, show: bool) -> None:
    with open(part, "ab") as file, progress_bar(name, size, "MB", show) as advance:
        advance(start, counts=False)
        while size is None or start < size:
            block = response.read1(_BLOCK)
            if not block:
                break
            file.write(block)
            start += len(block)
            advance(len(block))
        file.flush()
        os.fsync(file.fileno())
    if size is not None and start != size:
        raise ConnectionError(f"the connection broke at {start / 1e6:,.1f} of {size / 1e6:,.1f} MB")


def _version(url: str, response: HTTPResponse) -> dict[str, Any]:
    """What identifies a version of the file; `validator` is the value for `If-Range`."""
    headers = response.headers
    etag, size = headers.get("ETag"), headers.get("Content-Length")
    if response.status == 206:
        size = headers.get("Content-Range", "").rpartition("/")[2]
    strong = etag if etag and not etag.startswith("W/") else None
    return dict(
        url=url, validator=strong or headers.get("Last-Modified"), size=int(size) if size and size.isdigit() else None
    )


def _continues(response: HTTPResponse, found: dict[str, Any], version: dict[str, Any], start: int) -> bool:
    first = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    same = found["validator"] in (version["validator"], None)  # a partial response may have no date
    return same and found["size"] == version["size"] and first is not None and int(first[1]) == start


def _refuse_pages(response: HTTPResponse, source: _Source) -> None:
    if response.headers.get_content_type() == "text/html" and source.path.suffix.lower() not in (".html", ".htm"):
        raise DataError(
            f"{source.url} returned a web page, not {source.path.name}: a login, or a network that first shows its own "
            f"page. {source.advice()}"
        )


def _refuse_sizes(size: int | None, start: int, source: _Source) -> None:
    if size is None:
        return
    if source.size is not None and size != source.size:
        source.forget()
        raise DataError(
            f"{source.url} has {size:,} bytes, but {source.size:,} are expected: another version. "
            f"{source.manual_advice()}"
        )
    free = free_space(source.path.parent)
    if free < size - start:
        raise OSError(errno.ENOSPC, f"{(size - start) / 1e6:,.1f} MB are missing")
