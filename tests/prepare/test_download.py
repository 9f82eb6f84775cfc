"""Downloads from a server of this process that can break connections, ignore ranges and change its file."""

import errno
import hashlib
import json
import shutil
import ssl
import sys
import time
from urllib.error import URLError
from urllib.request import Request

import numpy as np
import pytest

from mtl_plugins.datasets import DataError
from mtl_plugins.files import download
from mtl_plugins.files.download import _OnlyHttp

from .file_server import serve

CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def server():
    with serve(CONTENT, "set.zip") as server:
        yield server


@pytest.fixture
def fetch(server, tmp_path):
    path = tmp_path / "downloads" / "set.zip"

    def run(**options):
        download(server.url, path, **{"show": False, "pause": 0.001, "timeout": 5, **options})
        assert [file.name for file in path.parent.iterdir()] == [path.name], "only the complete file remains"
        return path.read_bytes()

    run.path, run.part = path, path.with_name("set.zip.part")
    return run


def begin(server, fetch, cut=100_000, **options):
    """A download that is interrupted and gives up."""
    server.cuts = [cut, 0]
    with pytest.raises(ConnectionError, match="connection broke at 0.1 of 0.3 MB"):
        fetch(retries=0, **options)
    assert fetch.part.read_bytes() == server.content[:cut] and not fetch.path.exists()
    server.requests.clear()


def test_a_file_is_complete_and_a_second_run_requests_nothing(server, fetch):
    assert fetch(size=len(CONTENT)) == CONTENT
    assert fetch(sha256=hashlib.sha256(CONTENT).hexdigest(), md5=hashlib.md5(CONTENT).hexdigest().upper()) == CONTENT
    assert server.requests == [None]


def test_broken_connections_are_resumed(server, fetch):
    server.cuts = [50_000, 1, 120_000, 0]
    assert fetch(retries=1) == CONTENT
    assert server.requests == [None, "bytes=50000-", "bytes=50001-", "bytes=170001-", "bytes=170001-"]


@pytest.mark.parametrize("etag", ['"one"', None, 'W/"weak"'])
def test_the_next_run_resumes(server, fetch, etag):
    server.etag = etag
    begin(server, fetch)
    assert fetch() == CONTENT and server.requests == ["bytes=100000-"]


@pytest.mark.parametrize("ranges, length", [(False, True), (True, False)])
def test_a_server_without_ranges_or_lengths(server, fetch, ranges, length):
    begin(server, fetch)
    server.ranges, server.length = ranges, length
    assert fetch() == CONTENT


def test_an_unidentified_version_is_downloaded_again(server, fetch):
    server.etag = server.modified = None
    server.cuts = [100_000]
    assert fetch() == CONTENT and server.requests == [None, None]


@pytest.mark.parametrize("minds_if_range", [True, False])
@pytest.mark.parametrize("length", [300_000, 50_000])
def test_a_changed_file_is_downloaded_again(server, fetch, minds_if_range, length):
    begin(server, fetch)
    server.minds_if_range, server.etag = minds_if_range, '"two"'
    server.content = CONTENT[::-1][:length]
    assert fetch() == server.content


def test_a_complete_part_needs_no_network(server, fetch):
    begin(server, fetch)
    fetch.part.write_bytes(CONTENT)
    assert fetch() == CONTENT and not server.requests


def test_a_part_of_another_address_is_not_used(server, fetch):
    begin(server, fetch)
    note = fetch.path.with_name("set.zip.part.json")
    note.write_text(json.dumps(json.loads(note.read_text()) | {"url": "http://elsewhere/set.zip"}))
    assert fetch() == CONTENT and server.requests == [None]


def test_a_failed_download_reports_the_kept_part(server, fetch):
    server.cuts = [100_000, 0, 0, 0]
    with pytest.raises(ConnectionError) as caught:
        fetch(retries=2)
    for part in (server.url, "without progress: 3", f"0.1 MB are kept in {fetch.part}", f"set.zip as {fetch.path}"):
        assert part in str(caught.value)
    assert len(server.requests) == 4


def test_a_server_that_always_restarts_raises(server, fetch):
    server.ranges, server.cuts = False, [100_000] * 100
    with pytest.raises(ConnectionError, match="without progress: 3"):
        fetch(retries=2)


@pytest.mark.parametrize("status, message", [(404, "404 Not Found"), (403, "requires a login")])
def test_a_refused_request_raises_at_once(server, fetch, status, message):
    server.status = status
    with pytest.raises(FileNotFoundError, match=f"{server.url}: {status}.*manually.*{fetch.path}") as caught:
        fetch()
    assert message in str(caught.value) and len(server.requests) == 1


def test_a_busy_server_is_retried(server, fetch):
    server.status = 503
    with pytest.raises(ConnectionError, match="Service Unavailable"):
        fetch(retries=2)
    assert len(server.requests) == 3


def test_no_network(fetch, tmp_path):
    with pytest.raises(
        ConnectionError, match="nowhere.invalid.* could not be downloaded.*Is there a network.*manually"
    ):
        download("http://nowhere.invalid/x.zip", tmp_path / "x.zip", show=False, retries=1, pause=0.001)


@pytest.mark.parametrize("wrong", [dict(sha256="0" * 64), dict(md5="0" * 32)])
def test_a_wrong_checksum_deletes_the_download(server, fetch, wrong):
    with pytest.raises(DataError, match=f"of {fetch.part} is .* is expected.*deleted.*{server.url}"):
        fetch(**wrong)
    assert not list(fetch.path.parent.iterdir())
    assert fetch() == CONTENT
    with pytest.raises(DataError, match=f"of {fetch.path} is .*Delete it"):
        fetch(**wrong)
    assert fetch.path.read_bytes() == CONTENT, "the user's own file is not changed"


def test_a_wrong_size_is_reported_before_the_download(server, fetch):
    with pytest.raises(DataError, match="has 300,000 bytes, but 300,001 are expected"):
        fetch(size=300_001)
    assert not list(fetch.path.parent.iterdir())


def test_a_web_page_raises(server, fetch):
    server.type = "text/html"
    with pytest.raises(DataError, match="returned a web page, not set.zip"):
        fetch()


def test_a_full_disk(server, fetch, monkeypatch):
    begin(server, fetch)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(OSError, match="disk is full, 0.0 MB are free.*0.2 MB are missing.*0.1 MB are kept") as caught:
        fetch()
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert fetch() == CONTENT


def test_a_read_only_folder_is_not_tried_again(server, fetch):
    fetch.part.mkdir(parents=True)
    with pytest.raises(OSError, match="set.zip.part"):
        fetch()
    assert len(server.requests) == 1


def test_progress_shows_megabytes(server, fetch, capsys):
    server.cuts = [100_000]
    assert fetch(show=True) == CONTENT
    printed = capsys.readouterr().out
    assert "0.3/0.3" in printed and "MB/s" in printed and "trying again" in printed


def test_more_bytes_than_announced_are_not_read(server, fetch):
    server.announced = 200_000
    with pytest.raises(DataError, match="has 200,000 bytes, but 300,000 are expected"):
        fetch(size=300_000)
    assert fetch() == CONTENT[:200_000], "the announced size counts"


def test_an_endless_response_without_a_length_is_cut(server, fetch):
    server.length = False
    with pytest.raises(DataError, match="more than the 200,000 bytes that are expected"):
        fetch(size=200_000)
    with pytest.raises(DataError, match="more than the 250,000 bytes that are expected"):
        fetch(max_bytes=250_000)
    assert not list(fetch.path.parent.iterdir()) and fetch(size=300_000) == CONTENT


@pytest.mark.parametrize("value", ["\u00b2", "-1", "1e3", "9" * 30])
def test_a_length_that_is_no_number(server, fetch, value):
    server.announced = value.encode().decode("latin1")
    try:
        assert fetch(retries=0) == CONTENT
    except (ConnectionError, OSError, DataError) as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("content_range", [None, "bytes 5-10/11", "nonsense", "bytes 0-299999/*"])
def test_a_part_that_was_not_requested(server, fetch, content_range):
    server.unasked, server.range = True, content_range
    with pytest.raises(ConnectionError, match="only a part of the file, which was not requested"):
        fetch(retries=1)
    assert len(server.requests) == 2 and not fetch.path.exists()


@pytest.mark.parametrize(
    "content_range", ["bytes 0-299999/300000", "bytes 100001-299999/300000", "bytes 100000-1/7", "?"]
)
def test_a_wrong_range_starts_again(server, fetch, content_range):
    begin(server, fetch)
    server.range = content_range
    assert fetch() == CONTENT and server.requests == ["bytes=100000-", None]


def test_a_server_that_refuses_every_range(server, fetch):
    server.status = 416
    with pytest.raises(FileNotFoundError, match="416"):
        fetch()


def test_a_slow_server_is_given_up(server, fetch):
    server.block, server.pause = 1, 0.05
    begin = time.monotonic()
    with pytest.raises(ConnectionError, match="brings only .* bytes per second.*without progress: 2"):
        fetch(retries=1, timeout=0.3)
    assert time.monotonic() - begin < 10
    server.block = 10_000
    assert fetch(min_rate=100, timeout=0.3) == CONTENT


def test_slow_headers_are_given_up(server, fetch):
    server.header_pause = 0.05
    with pytest.raises(ConnectionError, match="does not complete the headers"):
        fetch(retries=0, timeout=0.2)
    server.header_pause = 0


def test_the_total_time_is_limited(server, fetch):
    server.block, server.pause = 20_000, 0.1
    with pytest.raises(ConnectionError, match="the time limit was reached.* MB are kept"):
        fetch(max_seconds=0.4)
    server.pause = 0
    assert fetch() == CONTENT and server.requests[-1].startswith("bytes=")


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "gopher://x/"])
def test_redirections_to_other_protocols_are_refused(server, fetch, address):
    server.redirect = address
    with pytest.raises((DataError, FileNotFoundError), match="not allowed"):  # urllib refuses most
        fetch()
    assert len(server.requests) == 1 and not fetch.path.exists()
    with pytest.raises(ValueError, match="is not an address of http or https"):
        download(address, fetch.path)


def test_https_never_changes_to_http():
    request = Request("https://a.example/set.zip")
    with pytest.raises(DataError, match="https never changes to http"):
        _OnlyHttp().redirect_request(request, None, 302, "Found", {}, "http://a.example/set.zip")
    assert _OnlyHttp().redirect_request(request, None, 302, "Found", {}, "https://b.example/x").host == "b.example"


def test_redirections_to_invalid_addresses(server, fetch):
    server.redirect = "http://[::1"
    with pytest.raises(DataError, match=r"redirects to 'http://\[::1', which is not a valid address"):
        fetch()


def test_redirections_without_end(server, fetch):
    server.redirect = server.url
    with pytest.raises(FileNotFoundError, match="infinite loop") as caught:
        fetch()
    assert "\n" not in str(caught.value)


def test_a_compressed_response_is_refused(server, fetch):
    server.encoding = "gzip"
    with pytest.raises(DataError, match="was sent with the encoding 'gzip', which was not requested"):
        fetch()
    server.encoding = "identity"
    assert fetch() == CONTENT


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>blocked", b"\n <HTML><body>log in"])
def test_a_web_page_under_another_type(server, fetch, page):
    server.content, server.type = page, "application/zip"
    with pytest.raises(DataError, match="returned a web page, not set.zip"):
        fetch()
    assert not list(fetch.path.parent.iterdir())


@pytest.mark.parametrize("note", ["", "[]", "null", "{}", "[" * 10_000, '{"url": 1}', '{"validator": [], "size": "x"}'])
def test_a_damaged_note_starts_again(server, fetch, note):
    begin(server, fetch)
    path = fetch.path.with_name("set.zip.part.json")
    path.write_text(note if "validator" not in note else json.dumps(json.loads(note) | {"url": server.url}))
    assert fetch() == CONTENT and server.requests == [None]


def test_a_link_is_not_written_through(server, fetch, tmp_path):
    begin(server, fetch)
    mine = tmp_path / "mine"
    fetch.part.rename(mine)
    fetch.part.symlink_to(mine)
    assert fetch() == CONTENT and mine.read_bytes() == CONTENT[:100_000]


def test_a_folder_in_place_of_the_file(server, fetch):
    fetch.path.mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match="is a folder, but .* is one file"):
        fetch()


def test_a_certificate_that_is_not_valid(fetch, monkeypatch):
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")

    def fail(*args):
        raise URLError(error)

    monkeypatch.setattr(sys.modules[_OnlyHttp.__module__], "_open", fail)
    with pytest.raises(ConnectionError, match="certificate of the server is not valid.*SSL_CERT_FILE"):
        download("https://a.example/set.zip", fetch.path, show=False)
