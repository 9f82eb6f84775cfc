"""Two processes never use one folder at the same time, and locks of processes that have ended are taken over."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from mtl_plugins.files import LOCK_NAME, FolderInUseError, FolderLock, folder_lock

HOLD = """
import sys, time
from mtl_plugins.files import FolderLock
with FolderLock(sys.argv[1], "a training"):
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that has the lock on `tmp_path`."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.wait()


def test_the_second_process_is_refused_until_the_first_is_killed(holder, tmp_path):
    with pytest.raises(FolderInUseError, match=f"in use by a training .process {holder.pid} on {socket.gethostname()}"):
        FolderLock(tmp_path, "a training").acquire()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    reports = []
    with FolderLock(tmp_path, "a training", reports.append):
        assert len(reports) == 1 and f"process {holder.pid}" in reports[0] and "has ended" in reports[0]
        assert json.loads((tmp_path / LOCK_NAME).read_text())["process"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_without_file_locks_the_process_decides(holder, tmp_path, monkeypatch):
    monkeypatch.setattr(folder_lock, "fcntl", None)
    with pytest.raises(FolderInUseError):
        FolderLock(tmp_path, "a training").acquire()
    content = json.loads((tmp_path / LOCK_NAME).read_text())
    (tmp_path / LOCK_NAME).write_text(json.dumps(content | dict(birth="another boot 17")))  # the number was used again
    FolderLock(tmp_path, "a training", lambda text: None).acquire()


def test_a_process_can_lock_twice(tmp_path):
    with FolderLock(tmp_path, "a training"):
        with FolderLock(tmp_path, "a training"):
            pass
        assert (tmp_path / LOCK_NAME).exists()
    assert not (tmp_path / LOCK_NAME).exists()


def write_remote(folder, age, **more):
    content = dict(activity="a training", host="elsewhere", process=7, started="then", command="train.py") | more
    (folder / LOCK_NAME).write_text(json.dumps(content))
    os.utime(folder / LOCK_NAME, (time.time() - age,) * 2)


def test_a_lock_of_another_host_is_stale_if_it_is_no_longer_refreshed(tmp_path, monkeypatch):
    write_remote(tmp_path, age=100)
    with FolderLock(tmp_path, "a training", lambda text: None):
        pass
    monkeypatch.setattr(folder_lock, "_WAIT", 0.6)
    write_remote(tmp_path, age=5)
    reports = []
    with FolderLock(tmp_path, "a training", reports.append):
        assert "Waiting" in reports[0] and "elsewhere" in reports[1]


def test_a_lock_of_another_host_that_is_refreshed_is_refused(tmp_path, monkeypatch):
    write_remote(tmp_path, age=5)
    monkeypatch.setattr(time, "sleep", lambda seconds: os.utime(tmp_path / LOCK_NAME))
    with pytest.raises(FolderInUseError, match="process 7 on elsewhere, started then: train.py"):
        FolderLock(tmp_path, "a training", lambda text: None).acquire()


def test_the_same_slurm_job_takes_its_lock_over(tmp_path, monkeypatch):
    write_remote(tmp_path, age=0, job="12")
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    with FolderLock(tmp_path, "a training", lambda text: None):
        pass


@pytest.mark.parametrize("content", ["", "{", "[1]", "null", '{"process": "x", "host": 3}', "[" * 9999])
def test_a_damaged_lock_is_taken_over(content, tmp_path):
    (tmp_path / LOCK_NAME).write_text(content)
    os.utime(tmp_path / LOCK_NAME, (0, 0))
    with FolderLock(tmp_path, "a training", lambda text: None):
        pass


def test_a_folder_that_cannot_be_locked_is_only_reported(tmp_path):
    (tmp_path / "file").write_text("")
    reports = []
    with FolderLock(tmp_path / "file" / "folder", "a training", reports.append):
        assert len(reports) == 1 and "cannot be locked" in reports[0]
