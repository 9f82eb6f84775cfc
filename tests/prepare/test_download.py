"""Downloads from a server of this process that can break connections, ignore ranges and change its file."""

import errno
import hashlib
import json
import shutil

import numpy as np
import pytest

from mtl_plugins.datasets import DataError
from mtl_plugins.prepare.download import download

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
