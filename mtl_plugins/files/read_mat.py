"""Reads the label files of datasets that were saved by MATLAB."""

import struct
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .data_error import DataError
from .read_regular_file import read_regular_file

#: The largest file and the largest content that is decompressed, in bytes
MAX_BYTES = 2**28
_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHARACTERS = 1, 2, 4
_STORED = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
    16: "u1",
    17: "u2",
}
_NUMBERS = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_MAX_DEPTH = 16


def read_mat(path: str | Path, names: Collection[str]) -> dict[str, Any]:
    """Read variables of a MATLAB file of version 5 to 7.

    Unlike scipy's reader, this one is safe for damaged files and quick for small ones: all sizes are checked, and
    nothing but numbers, characters, cells and structs is read. `scipy.io.loadmat` can crash the process.

    Args:
        path: The file.
        names: The variables to read; others are skipped.

    Returns:
        The variables that exist: numeric arrays in MATLAB's shape, `str` for characters, a list for a cell, and for a
        struct array a list of dicts, one per element.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: The file is damaged, too large, or has another format.
    """
    data = read_regular_file(path, MAX_BYTES)
    if len(data) < _HEADER or data[126:128] != b"IM":
        hdf5 = b"MATLAB 7.3" in data[:64] or data[:4] == b"\x89HDF"
        hint = "It is of version 7.3; save it again with -v7" if hdf5 else "Is it another file, or truncated?"
        raise DataError(f"{path} is not a MATLAB file of version 5 to 7. {hint}")
    found: dict[str, Any] = {}
    try:
        for kind, content in _elements(memoryview(data)[_HEADER:]):
            if kind == _COMPRESSED:
                kind, content = next(_elements(memoryview(_decompress(content))))
            if kind == _MATRIX:
                name, value = _matrix(content, names)
                if name in names:
                    found[name] = value
    except (ValueError, StopIteration, struct.error, zlib.error, IndexError, TypeError) as error:
        raise DataError(f"{path} is a damaged MATLAB file ({error or type(error).__name__}).") from None
    return found


def _decompress(content: memoryview) -> bytes:
    stream = zlib.decompressobj()
    result = stream.decompress(content, MAX_BYTES)
    if stream.unconsumed_tail:
        raise ValueError(f"its content has more than {MAX_BYTES:,} bytes")
    return result


def _elements(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The type and the content of each element."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind >> 16:  # a small element: its size is in the upper half of the type
            kind, size, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            if size > 4:
                raise ValueError("an element is too long")
        else:
            start = at + 8
            end = start + size + (0 if kind == _COMPRESSED else -size % 8)
        if start + size > len(data):
            raise ValueError("it is truncated")
        yield kind, data[start : start + size]
        at = end


def _matrix(content: memoryview, names: Collection[str] | None = None, depth: int = 0) -> tuple[str, Any]:
    """The name and the value of a matrix; the value is None if `names` does not contain the name."""
    if not len(content):  # an empty element of a cell or struct
        return "", np.empty((0, 0))
    if depth > _MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    parts = _elements(content)
    kind = int(_numbers(*next(parts))[0]) & 0xFF
    shape = tuple(int(n) for n in _numbers(*next(parts)))
    name = bytes(next(parts)[1]).decode("latin-1")
    if names is not None and name not in names:
        return name, None
    count = 1
    for length in shape:
        count *= length
    if min(shape, default=-1) < 0 or count > MAX_BYTES:
        raise ValueError(f"it states the shape {shape}")
    if kind in (_CELL, _STRUCT):
        return name, _nested(parts, kind, count, depth)
    if kind == _CHARACTERS:
        return name, "".join(map(chr, _numbers(*next(parts))))
    if kind not in _NUMBERS:
        raise ValueError(f"a value of the MATLAB class {kind} is not read")
    values = _numbers(*next(parts))
    if len(values) != count:
        raise ValueError(f"{len(values)} values for the shape {shape}")
    return name, values.astype(_NUMBERS[kind]).reshape(shape, order="F")


def _nested(parts: Iterator[tuple[int, memoryview]], kind: int, count: int, depth: int) -> list:
    fields = [""]
    if kind == _STRUCT:
        width = int(_numbers(*next(parts))[0])
        text = bytes(next(parts)[1])
        fields = [text[i : i + width].split(b"\0")[0].decode("latin-1") for i in range(0, len(text), max(width, 1))]
    elements = []
    for _ in range(count):
        values = {field: _matrix(next(parts)[1], depth=depth + 1)[1] for field in fields}
        elements.append(values if kind == _STRUCT else values[""])
    return elements


def _numbers(kind: int, content: memoryview) -> np.ndarray:
    if kind not in _STORED:
        raise ValueError(f"numbers of the type {kind}")
    return np.frombuffer(content, f"<{_STORED[kind]}")
