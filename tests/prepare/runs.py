"""Helpers to prepare datasets from archives and servers, and to kill a preparation."""

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
import time
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


def contents(folder):
    """The bytes of every file in a folder by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def zipped(folder, path):
    """Write the content of `folder` to a zip file."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


@contextlib.contextmanager
def served(folder):
    """The URL of a web server for the files of a folder."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def kill(function, seconds):
    """Run `function()` in a separate process and kill it after `seconds`; returns whether it was still running."""
    process = multiprocessing.get_context("fork").Process(target=_group, args=(function,))
    process.start()
    process.join(seconds)
    at_work = process.is_alive()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()
    return at_work


def _group(function):
    os.setpgid(0, 0)  # so that its workers are killed with it
    function()


def slowed(function, seconds=0.02):
    """`function` with a delay."""

    @functools.wraps(function)
    def slow(*args):
        time.sleep(seconds)
        return function(*args)

    return slow
