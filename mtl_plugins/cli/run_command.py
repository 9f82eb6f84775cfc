"""Running a command: one message per error, and the traceback in a file."""

import ast
import os
import re
import select
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress

from mmengine.logging import MMLogger

from mtl_plugins.apis.build import leave_processes
from mtl_plugins.engine.console import quiet_console
from mtl_plugins.files import WorkerKilledError, disk_is_full, write_error

# Errors that a user's input can cause. Any other error is a bug in this package and shows its traceback.
_USER_ERRORS = (
    *(ValueError, OSError, KeyError, ImportError, TypeError, FloatingPointError, NotImplementedError),
    WorkerKilledError,
)


def run_command(main: Callable[[], None]) -> None:
    """Run a command; an error that a user can fix is printed as one message, and its traceback goes to a file.

    The environment variable `MTL_TRACEBACK=1` shows the traceback instead.
    """
    quiet_console(MMLogger.get_current_instance())
    try:
        main()
        leave_processes()
        if _output_is_closed():
            os._exit(1)
    except SystemExit:  # of argparse, for example after --help
        if _output_is_closed():
            os._exit(1)
        raise
    except KeyboardInterrupt:
        sys.exit("\ninterrupted")
    except _USER_ERRORS as error:
        if isinstance(error, BrokenPipeError) and _output_is_closed():
            os._exit(1)  # as after `| head`: not an error
        if os.environ.get("MTL_TRACEBACK") == "1":
            raise
        print(f"\nerror: {message_of(error)}\n(traceback: {_keep_traceback()})", file=sys.stderr, flush=True)
        # os._exit does not wait for worker processes or other ranks; nothing remains to be saved.
        sys.stdout.flush()
        os._exit(1)


def _output_is_closed() -> bool:
    """Whether the program that reads our output has ended."""
    try:
        sys.stdout.flush()
        number = sys.stdout.fileno()
    except BrokenPipeError:
        return True
    except (OSError, ValueError):  # not a file
        return False
    if not hasattr(select, "poll"):  # Windows
        return False
    poll = select.poll()
    poll.register(number, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def message_of(error: BaseException) -> str:
    """The message of an error without what the data loader and the registry add to it."""
    if isinstance(error, OSError) and disk_is_full(error) and not str(error.strerror).startswith("could not write"):
        advice = "Free some space and try again; continue a training with --resume"
        error = write_error(error, error.filename or ".", what=str(error.filename or "a file"), advice=advice)
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if isinstance(error, OSError) and error.strerror:  # without "[Errno 28]"
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if "Original Traceback" in text:
        # "Caught X in DataLoader worker process 0.\nOriginal Traceback ...\nmodule.X: the message"
        parts = re.split(r"^(?:[A-Za-z_][\w.]*)(?:Error|Exception|Warning): ", text, flags=re.MULTILINE)
        text = parts[-1].strip()
        if isinstance(error, KeyError):
            with suppress(ValueError, SyntaxError):  # a KeyError's text is the repr of its message
                text = str(ast.literal_eval(text))
    text = re.sub(r"^(?:class `\w+` in [\w./]+: )+", "", text.strip())
    return text or type(error).__name__


def _keep_traceback() -> str:
    """The file with the traceback, or why it could not be written."""
    try:
        with tempfile.NamedTemporaryFile("w", prefix="mtl-traceback-", suffix=".txt", delete=False) as file:
            traceback.print_exc(file=file)
    except OSError as error:
        return f"not kept ({error.strerror}); MTL_TRACEBACK=1 prints it"
    return file.name
