"""Large files from the web: gone on with after a break, checked, and there under their name only when whole."""

import errno
import hashlib
import json
import os
import re
import time
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from mtl_plugins.datasets.data_error import DataError
from mtl_plugins.files import disk_is_full, free_space, progress_bar, write_error, write_text

_BLOCK = 1 << 16  # bytes
_BUSY = (408, 425, 429)  # answers that call for another try, as all from 500 on do
# Identity: a packed answer has no lengths and parts of the file's own.
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
    """Fetch ``url`` as the file ``path``, whose folder is made; a file that is there already is only checked.

    What has come is kept as ``<path>.part``, and ``<path>.part.json`` tells of which version of the file it is. The
    next try, or the next run, asks the server for the rest of just that version; a server that gives no parts, or has
    another version by now, sends all of it again.

    Args:
        size: bytes that the file must have.
        sha256, md5: hexadecimal checksums that it must have.
        show: whether to show a bar.
        retries: how many tries in a row may bring nothing new before it gives up.
        pause: seconds before the second try, doubled before each further one in a row.
        timeout: seconds of silence that count as a broken connection.

    Raises:
        FileNotFoundError: the server has no such file, or doesn't give it to us.
        ConnectionError: no network, or the connection kept breaking.
        OSError: the disk is full, or the folder can't be written.
        DataError: another size or checksum than wanted, or a web page in place of the file.
    """
    source = _Source(url, Path(path), size, {"sha256": sha256, "md5": md5})
    if source.path.exists():
        source.check(source.path, "Delete it, and run again")
        return source.path
    source.path.parent.mkdir(parents=True, exist_ok=True)
    _fetch_with_patience(source, show, retries, pause, timeout)
    try:
        source.check(source.part, "The version on the server is another one, or it came damaged: it was deleted")
    except DataError:
        source.forget()
        raise
    os.replace(source.part, source.path)
    source.forget()
    return source.path


@dataclass(frozen=True)
class _Source:
    """A file on a server, where it goes, and the part of it that is there."""

    url: str
    path: Path
    size: int | None
    checksums: dict

    @property
    def part(self):
        return self.path.with_name(self.path.name + ".part")

    @property
    def version_file(self):
        return self.path.with_name(self.path.name + ".part.json")

    def begun(self) -> tuple[dict, int]:
        """The version that the part is of, and its bytes; an empty version where nothing can be gone on with."""
        try:
            version, start = json.loads(self.version_file.read_text()), self.part.stat().st_size
        except (OSError, ValueError):
            return {}, 0
        usable = start and version.get("url") == self.url and version.get("validator")
        return (version, start) if usable else ({}, 0)

    def begin(self, version):
        self.part.unlink(missing_ok=True)  # first: never one version's bytes under another's name
        write_text(self.version_file, json.dumps(version))

    def forget(self):
        self.part.unlink(missing_ok=True)
        self.version_file.unlink(missing_ok=True)

    def check(self, file, mend):
        found = file.stat().st_size
        if self.size is not None and found != self.size:
            raise DataError(f"{file} has {found:,} bytes, but {self.size:,} are wanted. {mend}. {self.by_hand()}")
        for name, wanted in self.checksums.items():
            if wanted is not None and (checksum := _checksum(file, name)) != wanted.lower():
                raise DataError(f"the {name} of {file} is {checksum}, but {wanted} is wanted. {mend}. {self.by_hand()}")

    def by_hand(self):
        return f"By hand: fetch {self.url}, put it at {self.path}, and run again."

    def advice(self):
        start = self.begun()[1]
        kept = f"{start / 1e6:,.1f} MB are kept in {self.part}: run again to go on. " if start else ""
        return kept + self.by_hand()


def _checksum(path, name):
    digest = hashlib.new(name)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _fetch_with_patience(source, show, retries, pause, timeout):
    failures, most = 0, source.begun()[1]
    while True:
        try:
            return _fetch(source, show, timeout)
        except (OSError, HTTPException) as error:
            _give_up_at_once(error, source)
            has = source.part.stat().st_size if source.part.exists() else 0
            failures = 0 if has > most else failures + 1
            most = max(most, has)
            reason = getattr(error, "reason", None) or error
            if failures > retries:
                raise ConnectionError(
                    f"{source.url} could not be fetched: {reason}. Tries in a row that brought nothing: "
                    f"{failures}. Is there a network, and does it reach that server? {source.advice()}"
                ) from None
            wait = pause * 2**failures
            if show:
                print(f"{source.path.name}: {reason}; trying again in {wait:g} s")
            time.sleep(wait)


def _give_up_at_once(error, source):
    """Raises what another try would not mend."""
    if isinstance(error, HTTPError):
        if error.code >= 500 or error.code in _BUSY:
            return
        login = "It asks for a login. " if error.code in (401, 403) else ""
        raise FileNotFoundError(
            f"the server does not give {source.url}: {error.code} {error.reason}. {login}{source.advice()}"
        ) from None
    if disk_is_full(error):
        advice = f"{error.strerror}. Free some space. {source.advice()}"
        raise write_error(error, source.path, advice=advice) from None
    if getattr(error, "filename", None) is not None:
        raise error  # of a file of ours, not of the network


def _fetch(source, show, timeout):
    """One try."""
    version, start = source.begun()
    if version and start == version["size"]:
        return
    headers = {"Range": f"bytes={start}-", "If-Range": version["validator"]} if version else {}
    try:
        response = urlopen(Request(source.url, headers=_HEADERS | headers), timeout=timeout)
    except HTTPError as error:
        if error.code != 416:  # no such range: then all of it
            raise
        source.forget()
        return _fetch(source, show, timeout)
    with response:
        found = _version(source.url, response)
        if response.status == 206 and not _goes_on(response, found, version, start):
            source.forget()  # a server that does not mind If-Range
            return _fetch(source, show, timeout)
        if response.status != 206:
            _refuse_pages(response, source)
            source.begin(found)
            start = 0
        _refuse_sizes(found["size"], start, source)
        _append(response, source.part, start, found["size"], source.path.name, show)


def _append(response, part, start, size, name, show):
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


def _version(url, response):
    """What tells one version of the file from another; the validator is what ``If-Range`` takes."""
    headers = response.headers
    etag, size = headers.get("ETag"), headers.get("Content-Length")
    if response.status == 206:
        size = headers.get("Content-Range", "").rpartition("/")[2]
    strong = etag if etag and not etag.startswith("W/") else None
    return dict(
        url=url, validator=strong or headers.get("Last-Modified"), size=int(size) if (size or "").isdigit() else None
    )


def _goes_on(response, found, version, start):
    first = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    same = found["validator"] in (version["validator"], None)  # a part need not be dated
    return same and found["size"] == version["size"] and first is not None and int(first[1]) == start


def _refuse_pages(response, source):
    if response.headers.get_content_type() == "text/html" and source.path.suffix.lower() not in (".html", ".htm"):
        raise DataError(
            f"{source.url} gives a web page, not {source.path.name}: a login, or a network that shows its own page "
            f"first. {source.advice()}"
        )


def _refuse_sizes(size, start, source):
    if size is None:
        return
    if source.size is not None and size != source.size:
        source.forget()
        raise DataError(
            f"{source.url} has {size:,} bytes, but {source.size:,} are wanted: another version. {source.by_hand()}"
        )
    free = free_space(source.path.parent)
    if free < size - start:
        raise OSError(errno.ENOSPC, f"{(size - start) / 1e6:,.1f} MB are missing")
