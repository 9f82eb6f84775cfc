"""Keeps messages that a user cannot act on off the console; log files still contain them."""

import logging
import re

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
