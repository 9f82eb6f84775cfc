"""Keeps messages that a user cannot act on off the console; log files still contain them."""

import logging
import re
import sys
from collections.abc import Callable

# The beginning of messages that print hundreds of lines, or that a user cannot act on.
_NOISE = re.compile(
    r"\n---"  # the environment
    r"|Config:\n"
    r"|Hooks will be executed"
    r"|paramwise_options"  # one line per parameter
    r"|\n?\S+ - torch\.Size\("  # how a parameter was initialised
    r"|Distributed training is not used"
    r'|"FileClient" will be deprecated'
    r'|"HardDiskBackend" is the alias'
    r"|Rollback to RangeEstimatorParametersSet"  # NNCF, one line per activation
    r"|Not adding activation input quantizer"  # NNCF
)


def is_for_console(record: logging.LogRecord) -> bool:
    """Whether a record belongs on the console in addition to the log file; errors always do."""
    return record.levelno > logging.WARNING or not _NOISE.match(record.getMessage())


def quiet_console(logger: logging.Logger) -> None:
    """Apply `is_for_console` to every handler of a logger that does not write to a file."""
    for handler in logger.handlers:
        if not isinstance(handler, logging.FileHandler) and is_for_console not in handler.filters:
            handler.addFilter(is_for_console)


def explain_log_errors(logger: logging.Logger) -> None:
    """Print one line, instead of a traceback per message, if a log file cannot be written, as on a full disk."""
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handleError = _Explain(handler)  # type: ignore[method-assign]


class _Explain:
    """Replaces `handler.handleError`, which the handler calls inside an except clause."""

    def __init__(self, handler: logging.FileHandler):
        self.path = handler.baseFilename
        self.original: Callable[[logging.LogRecord], None] = handler.handleError
        self.printed = False

    def __call__(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.original(record)
        elif not self.printed:
            self.printed = True
            reason = error.strerror or error
            print(f"The log file {self.path} is incomplete: {reason}. The console shows all messages.", file=sys.stderr)
