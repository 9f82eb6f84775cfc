"""Running a command: one message per error, and the traceback in a file."""

import ast
import os
import re
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress

from mtl_plugins.stop_signals import Interrupted, Preempted, StopSignals, end_process, exit_code, name_of

# Errors that a user's input can cause, and `WorkerKilledError`. Any other error is a bug in this package and shows its
# traceback.
_USER_ERRORS = (
    *(ValueError, OSError, KeyError, ImportError, TypeError, FloatingPointError, NotImplementedError, MemoryError),
)
_PATIENCE = 10.0  # seconds that a command has to clean up after a signal


def run_command(main: Callable[[], None]) -> None:
    """Run a command; an error that a user can fix is printed as one message, and its traceback goes to a file.

    A signal that asks the process to end (see `StopSignals`) prints one line; the exit code is 128 + its number. `main`
    should import what takes long itself, because a signal during an import is handled only here.

    The environment variable `MTL_TRACEBACK=1` shows the traceback instead.
    """
    with StopSignals(_interrupt, _PATIENCE) as stop:
        try:
            _run(main)
        except SystemExit as error:
            if isinstance(error, Preempted):  # the other ranks may have ended: wait for nothing
                _flush()
                end_process(exit_code(error.number))
            if _output_is_closed():  # of argparse, for example after --help
                os._exit(1)
            raise
        except KeyboardInterrupt as error:
            _end_interrupted(error.number if isinstance(error, Interrupted) else signal.SIGINT)
        except Exception as error:
            if stop.received is not None:  # code that turns every exception into another one, as YAPF's callers do
                _end_interrupted(stop.received)
            _report(error)


def _interrupt(number: int) -> None:
    raise Interrupted(number)


def _end_interrupted(number: int) -> None:
    _flush()
    line = "\ninterrupted" if number == signal.SIGINT else f"\n{name_of(number)} received: stopped"
    end_process(exit_code(number), line)


def _flush() -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush()


def _run(main: Callable[[], None]) -> None:
    # These imports take seconds, and signals should be handled during them.
    from mmengine.logging import MMLogger

    from mtl_plugins.apis.build import leave_processes
    from mtl_plugins.engine.console import quiet_console

    quiet_console(MMLogger.get_current_instance())
    main()
    leave_processes()
    if _output_is_closed():
        os._exit(1)


def _report(error: Exception) -> None:
    from mtl_plugins.files import WorkerKilledError

    if isinstance(error, BrokenPipeError) and _output_is_closed():
        os._exit(1)  # as after `| head`: not an error
    if not isinstance(error, (*_USER_ERRORS, WorkerKilledError)) or os.environ.get("MTL_TRACEBACK") == "1":
        raise error
    print(f"\nerror: {message_of(error)}\n(traceback: {_keep_traceback()})", file=sys.stderr, flush=True)
    # os._exit does not wait for worker processes or other ranks; nothing remains to be saved.
    _flush()
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
    from mtl_plugins.files import disk_is_full, is_write_error, write_error

    if disk_is_full(error) and not is_write_error(error):
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
