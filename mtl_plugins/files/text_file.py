"""Reading text files that users wrote: lists, calibrations, tables and JSON."""

import codecs
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .data_error import DataError

#: Larger text files are refused; a list of a million lines has about 100 MB.
MAX_BYTES = 512 * 2**20
#: Longer lines are refused: they are no lines of a list or a calibration.
MAX_LINE = 65_536
_SHOWN = 100  # characters of a line in a message
_MARKS = (  # UTF-32 first: its mark starts with that of UTF-16
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class TextLine(NamedTuple):
    """One line of a text file."""

    number: int  # from 1
    text: str
    place: str  # file and line number, for messages


def read_text(path: str | Path, max_bytes: int = MAX_BYTES) -> str:
    r"""Read a UTF-8 text file, with or without a byte order mark; every line ends with `\n`.

    Args:
        path: The file.
        max_bytes: Larger files are refused.

    Raises:
        FileNotFoundError: The file does not exist.
        OSError: It cannot be read.
        DataError: It is no regular file, too large, binary or in another encoding; the message names the line.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its other end
            raise DataError(
                f"{path} is not a text file, but a {'folder' if stat.S_ISDIR(status.st_mode) else 'device'}."
            )
        if status.st_size > max_bytes:
            raise DataError(f"{path} has {status.st_size:,} bytes, but a text file may have {max_bytes:,}.")
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"the file {path} does not exist.") from None
    except OSError as error:
        raise type(error)(f"cannot read {str(path):.300}: {error.strerror}.") from None
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is None and b"\0" in data:
        at = data.index(b"\0")
        raise DataError(
            f"{path}, line {_line_of(data, at)}: contains a zero byte, so it is a binary file, or text in UTF-16. "
            f"{_convert(path, 'UTF-16')}"
        )
    try:
        text = data.decode(encoding or "utf-8-sig")
    except UnicodeDecodeError as error:
        at, line = error.start, _line_of(data, error.start)
        raise DataError(
            f"{path}, line {line}: the byte 0x{data[at]:02x} is not valid UTF-8. {_convert(path, 'LATIN1')}"
        ) from None
    if encoding is not None:
        raise DataError(f"{path}, line 1: the file is encoded in {encoding}, not in UTF-8. {_convert(path, encoding)}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: str | Path) -> Iterator[TextLine]:
    r"""The lines of a text file, without blank lines, comments and white space at their ends.

    A line that starts with `#` is a comment. Only `\n`, `\r\n` and `\r` end a line. Tabs at the end of a line are kept:
    they separate empty cells.

    Args:
        path: The file; see `read_text`.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: See `read_text`; or a line is longer than `MAX_LINE`.
    """
    for number, text in enumerate(read_text(path).split("\n"), 1):
        place = f"{path}, line {number}"
        if len(text) > MAX_LINE:
            raise DataError(f"{place}: has {len(text):,} characters; the longest line may have {MAX_LINE:,}.")
        text = text.removeprefix("\ufeff").strip(" ")  # joined files have byte order marks in the middle
        if text.strip() and not text.lstrip().startswith("#"):
            yield TextLine(number, text, place)


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON file that contains an object.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: See `read_text`; or the file is not valid JSON, or contains something else than an object.
    """
    text = read_text(path)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}). Is the file truncated?") from None
    except (ValueError, RecursionError) as error:  # a number with thousands of digits; thousands of brackets
        raise DataError(f"{path} is not valid JSON ({type(error).__name__}: {str(error):.80}).") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} must contain a JSON object {{…}}, but contains {shorten(content)}.")
    return content


def shorten(value: object, length: int = _SHOWN) -> str:
    """A value as it is shown in a message, cut off after `length` characters."""
    text = repr(value)
    return text if len(text) <= length else f"{text[:length]}…"


def _line_of(data: bytes, at: int) -> int:
    """The number of the line that contains a byte."""
    before = data[:at]
    return 1 + before.count(b"\n") + before.replace(b"\r\n", b"").count(b"\r")


def _convert(path: str | Path, encoding: str) -> str:
    return f"Save it as UTF-8, such as with: iconv -f {encoding} -t UTF-8 '{path}' > new.txt"
