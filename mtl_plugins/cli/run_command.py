import ast
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress

from mtl_plugins.apis.build import leave_processes
from mtl_plugins.apis.option_hint import option_hint
from mtl_plugins.files import disk_is_full, write_error

# What a user's input can cause. Anything else is a fault of ours and shows its traceback.
_FOR_PEOPLE = (ValueError, OSError, KeyError, ImportError, TypeError, FloatingPointError, NotImplementedError)


def run_command(main: Callable[[], None]) -> None:
    """Run a command; an error that a user can mend is told in one message, and its traceback goes to a file.

    ``MTL_TRACEBACK=1`` shows the traceback instead.
    """
    try:
        main()
        leave_processes()
    except KeyboardInterrupt:
        sys.exit("\ninterrupted")
    except _FOR_PEOPLE as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            os._exit(1)  # as after `| head`: nothing is wrong
        if os.environ.get("MTL_TRACEBACK") == "1":
            raise
        print(f"\nerror: {message_of(error)}\n(traceback: {_keep_traceback()})", file=sys.stderr, flush=True)
        # os._exit leaves worker processes and half-open process groups to the system: nothing is left to save here.
        sys.stdout.flush()
        os._exit(1)


def _nobody_reads():
    """Whether the program that our output goes to has ended."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return True
    return False


def message_of(error: BaseException) -> str:
    """The sentence of an error, without what the data loader and the registry put around it."""
    if isinstance(error, OSError) and disk_is_full(error) and not str(error.strerror).startswith("could not write"):
        advice = "Free some space and try again; continue a training with --resume"
        error = write_error(error, error.filename or ".", what=str(error.filename or "a file"), advice=advice)
    if isinstance(error, TypeError) and (hint := option_hint(error)):
        return hint
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if "Original Traceback" in text:
        # "Caught X in DataLoader worker process 0.\nOriginal Traceback ...\nmodule.X: the message"
        parts = re.split(r"^(?:[A-Za-z_][\w.]*)(?:Error|Exception|Warning): ", text, flags=re.MULTILINE)
        text = parts[-1].strip()
        if isinstance(error, KeyError):
            with suppress(ValueError, SyntaxError):  # a KeyError's text is the repr of its message
                text = str(ast.literal_eval(text))
    text = re.sub(r"^(?:class `\w+` in [\w./]+: )+", "", text.strip())
    return text or type(error).__name__


def _keep_traceback():
    with tempfile.NamedTemporaryFile("w", prefix="mtl-traceback-", suffix=".txt", delete=False) as file:
        traceback.print_exc(file=file)
    return file.name
