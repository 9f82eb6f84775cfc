"""Downloads large files: resumes after an interruption, verifies, and renames a file only when it is complete."""

import errno
import hashlib
import json
import os
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from .atomic_write import disk_is_full, free_space, write_error, write_text
from .data_error import DataError
from .progress_bar import progress_bar
from .text_file import read_json

_BLOCK = 1 << 16  # bytes
_SCHEMES, _PAGES = ("http", "https"), (".html", ".htm")
_HEADER_TIMEOUTS = 4  # redirections included
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
    min_rate: float = 1000.0,
    max_seconds: float = 24 * 3600.0,
    max_bytes: int = 10**11,
) -> Path:
    """Download `url` to the file `path`; an existing file is only verified.

    A partial download is kept as `<path>.part`, and `<path>.part.json` identifies the version of the file. The next
    try, or the next run, requests the remaining bytes of the same version. If the server does not support ranges or has
    another version by now, the download starts again. Only http and https are allowed, also in redirections, and https
    never changes to http.

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
        min_rate: Least bytes per second, on average over `timeout` seconds; a slower connection counts as broken.
        max_seconds: Limit on the time of the complete download.
        max_bytes: Limit on the size if neither `size` nor the server states it.

    Raises:
        FileNotFoundError: The server does not have the file or refuses access.
        ConnectionError: There is no network, or the connection broke repeatedly.
        OSError: The disk is full or the folder is not writable.
        DataError: The size or checksum is wrong, or the server returned a web page or redirects to another protocol.
        ValueError: The address is not one of http or https.
    """
    if urlsplit(url).scheme.lower() not in _SCHEMES:
        raise ValueError(f"{url} is not an address of http or https.")
    source = _Source(url, Path(path), size, {"sha256": sha256, "md5": md5})
    limits = _Limits(timeout, min_rate, time.monotonic() + max_seconds, max_bytes)
    if source.path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, but {url} is one file: give the path of a file.")
    if source.path.exists():
        source.verify(source.path, "Delete it and run the command again")
        return source.path
    source.path.parent.mkdir(parents=True, exist_ok=True)
    _fetch_with_retries(source, show, retries, pause, limits)
    try:
        source.refuse_page()
        source.verify(source.part, "The server has another version, or the file was damaged on the way: it was deleted")
    except DataError:
        source.forget()
        raise
    os.replace(source.part, source.path)
    source.forget()
    return source.path


class _Limits(NamedTuple):
    timeout: float
    min_rate: float
    end: float  # of `time.monotonic`
    max_bytes: int


class _TooSlowError(ConnectionError):
    """The server sends less than the least rate, or the time is over."""


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
            version, start = read_json(self.version_file), self.part.stat().st_size
        except (OSError, ValueError):
            return {}, 0
        usable = (
            start
            and not self.part.is_symlink()  # a link would be written through
            and version.get("url") == self.url
            and isinstance(version.get("validator"), str)
            and isinstance(version.get("size"), int | None)
        )
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

    def refuse_page(self) -> None:
        """Raise a DataError if the file is a web page that the server or a proxy sent under another type."""
        with open(self.part, "rb") as file:
            start = file.read(256).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
        if start.startswith((b"<!doctype html", b"<html")) and self.path.suffix.lower() not in _PAGES:
            self.forget()
            raise self.page()

    def page(self) -> DataError:
        return DataError(
            f"{self.url} returned a web page, not {self.path.name}: a login, or a network that first shows its own "
            f"page. {self.advice()}"
        )

    def too_large(self, most: int) -> DataError:
        self.forget()
        return DataError(
            f"{self.url} has more than the {most:,} bytes that are expected. It was deleted. {self.manual_advice()}"
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


def _fetch_with_retries(source: _Source, show: bool, retries: int, pause: float, limits: _Limits) -> None:
    failures, most = 0, source.begun()[1]
    while True:
        try:
            return _fetch(source, show, limits)
        except (OSError, HTTPException) as error:
            _raise_if_permanent(error, source)
            size = source.part.stat().st_size if source.part.exists() else 0
            failures = 0 if size > most and not isinstance(error, _TooSlowError) else failures + 1
            most = max(most, size)
            reason = getattr(error, "reason", None) or str(error) or type(error).__name__
            if time.monotonic() > limits.end:
                raise ConnectionError(
                    f"{source.url} could not be downloaded: the time limit was reached. {source.advice()}"
                ) from None
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
        reason = " ".join(str(error.reason).split())  # that of redirections without end has several lines
        raise FileNotFoundError(
            f"the server refuses {source.url}: {error.code} {reason}. {login}{source.advice()}"
        ) from None
    if isinstance(error, InvalidURL):
        raise ValueError(f"{source.url} is not a valid address: {error}.") from None
    cause: object = getattr(error, "reason", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise ConnectionError(
            f"{source.url} was not downloaded: the certificate of the server is not valid "
            f"({getattr(cause, 'verify_message', cause)}). Is the clock right, or does a proxy replace it? "
            f"Then set SSL_CERT_FILE to the proxy's. {source.advice()}"
        ) from None
    if disk_is_full(error):
        missing = "" if error.strerror == os.strerror(error.errno or 0) else f"{error.strerror}. "
        advice = f"{missing}Free some space. {source.advice()}"
        raise write_error(error, source.path, advice=advice) from None
    if getattr(error, "filename", None) is not None:
        raise error  # about a local file, not the network


def _fetch(source: _Source, show: bool, limits: _Limits) -> None:
    """Try once."""
    version, start = source.begun()
    if version and start == version["size"]:
        return
    headers = {"Range": f"bytes={start}-", "If-Range": version["validator"]} if version else {}
    try:
        response = _open(Request(source.url, headers=_HEADERS | headers), limits)
    except HTTPError as error:
        if error.code != 416 or not version:  # range not satisfiable: download everything again
            raise
        source.forget()
        return _fetch(source, show, limits)
    with response:
        if response.status == 206 and not version:
            raise ConnectionError("the server sent only a part of the file, which was not requested")
        found = _version(source.url, response)
        if response.status == 206 and not _continues(response, found, version, start):
            source.forget()  # the server ignores If-Range
            return _fetch(source, show, limits)
        _refuse_encodings(response, source)
        if response.status != 206:
            _refuse_pages(response, source)
            source.begin(found)
            start = 0
        size = source.size if found["size"] is None else found["size"]
        _refuse_sizes(size, start, source)
        _append(response, source, start, found["size"], show, limits)


def _open(request: Request, limits: _Limits) -> HTTPResponse:
    """Send a request and return the response when its headers have arrived.

    A thread waits for them: a server that sends its headers byte by byte never exceeds the time limit of the socket.
    """
    results: list[HTTPResponse | BaseException] = []

    def run() -> None:
        try:
            results.append(build_opener(_OnlyHttp).open(request, timeout=limits.timeout))
        except BaseException as error:
            results.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(_HEADER_TIMEOUTS * limits.timeout)
    if not results:
        raise _TooSlowError("the server does not complete the headers of its response")
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


class _OnlyHttp(HTTPRedirectHandler):
    def http_error_302(self, req: Request, fp: Any, code: int, msg: str, headers: Any) -> Any:
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except DataError:
            raise
        except ValueError as error:
            target = str(headers.get("location") or headers.get("uri"))[:200]
            raise DataError(f"{req.full_url} redirects to {target!r}, which is not a valid address: {error}.") from None

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        before, after = urlsplit(req.full_url).scheme.lower(), urlsplit(newurl).scheme.lower()
        if after not in _SCHEMES or (before, after) == ("https", "http"):
            raise DataError(
                f"{req.full_url} redirects to {newurl[:200]!r}, which is not allowed: only http and https are, and "
                "https never changes to http. Give the address of the file itself."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _append(response: HTTPResponse, source: _Source, start: int, size: int | None, show: bool, limits: _Limits) -> None:
    """Append the response to the partial download; it never becomes larger than announced."""
    most = next(limit for limit in (size, source.size, limits.max_bytes) if limit is not None)
    check_rate = _rate_check(limits)
    with open(source.part, "ab") as file, progress_bar(source.path.name, size, "MB", show) as advance:
        advance(start, counts=False)
        while size is None or start < size:
            block = response.read1(min(_BLOCK, most - start + (size is None)))
            if not block:
                break
            if start + len(block) > most:
                raise source.too_large(most)
            file.write(block)
            start += len(block)
            advance(len(block))
            check_rate(len(block))
        file.flush()
        os.fsync(file.fileno())
    if size is not None and start != size:
        raise ConnectionError(f"the connection broke at {start / 1e6:,.1f} of {size / 1e6:,.1f} MB")


def _rate_check(limits: _Limits) -> Callable[[int], None]:
    """A function that is called with the size of each block, and raises if too few bytes or no more time are left."""
    begin, count = time.monotonic(), 0

    def check(size: int) -> None:
        nonlocal begin, count
        now, count = time.monotonic(), count + size
        if now > limits.end:
            raise _TooSlowError("the time limit was reached")
        if (seconds := now - begin) > limits.timeout:
            if count < limits.min_rate * seconds:
                raise _TooSlowError(f"the connection brings only {count / seconds:,.0f} bytes per second")
            begin, count = now, 0

    return check


def _version(url: str, response: HTTPResponse) -> dict[str, Any]:
    """What identifies a version of the file; `validator` is the value for `If-Range`."""
    headers = response.headers
    etag, size = headers.get("ETag"), headers.get("Content-Length")
    if response.status == 206:
        size = headers.get("Content-Range", "").rpartition("/")[2]
    strong = etag if etag and not etag.startswith("W/") else None
    number = int(size) if size and re.fullmatch("[0-9]{1,18}", size) else None
    return dict(url=url, validator=strong or headers.get("Last-Modified"), size=number)


def _continues(response: HTTPResponse, found: dict[str, Any], version: dict[str, Any], start: int) -> bool:
    first = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    same = found["validator"] in (version["validator"], None)  # a partial response may have no date
    return same and found["size"] == version["size"] and first is not None and int(first[1]) == start


def _refuse_pages(response: HTTPResponse, source: _Source) -> None:
    if response.headers.get_content_type() == "text/html" and source.path.suffix.lower() not in _PAGES:
        raise source.page()


def _refuse_encodings(response: HTTPResponse, source: _Source) -> None:
    """Compressed responses were not requested; only for .gz files, some servers name their own compression."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    is_gz = encoding in ("gzip", "x-gzip") and source.path.suffix.lower() in (".gz", ".tgz")
    if encoding not in ("", "identity") and not is_gz:
        raise DataError(
            f"{source.url} was sent with the encoding {encoding[:50]!r}, which was not requested. "
            f"{source.manual_advice()}"
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
