"""Opens ONNX files that may come from strangers: nothing outside their folder is read, and damage is noticed."""

import hashlib
import importlib
import mmap
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_KEY = b"mtl_plugins.sha256"
# An entry of the model's `metadata_props` (field 14), which may stand at the end: {key: _KEY, value: 64 digits}
_DIGEST_START = b"\x72" + bytes([4 + len(_KEY) + 64]) + b"\x0a" + bytes([len(_KEY)]) + _KEY + b"\x12\x40"
_DIGITS = re.compile(rb"[0-9a-f]{64}")
_DIGEST_LENGTH = len(_DIGEST_START) + 64


def append_digest(path: Path) -> None:
    """Append a checksum of an ONNX file to its metadata. Other programs ignore it."""
    content = path.read_bytes()
    with path.open("ab") as file:
        file.write(_DIGEST_START + hashlib.sha256(content).hexdigest().encode())


def open_onnx(path: Path, providers: Sequence[str] | None = None, options: Any = None) -> Any:
    """An `onnxruntime.InferenceSession` of a file.

    Args:
        path: The `.onnx` file.
        providers: Execution providers of ONNX Runtime; by default all available ones.
        options: `onnxruntime.SessionOptions`.

    Raises:
        ImportError: ONNX Runtime is not installed.
        ValueError: The file is damaged, reads files outside its folder, or contains parts compiled for a device.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("an ONNX file needs ONNX Runtime: pip install onnxruntime") from error
    check_onnx(path)
    providers = list(providers or onnxruntime.get_available_providers())
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=providers, enable_fallback=0, read_config_from_model=0
        )
    except Exception as error:  # its errors have no common base class
        reason = re.sub(r"^\[ONNXRuntimeError\] : \d+ : ", "", (str(error).splitlines() or [""])[0])
        raise ValueError(
            f"{path} cannot be read by ONNX Runtime: {reason[:300].rstrip('.')}. The file may be damaged, or it needs "
            f"operators that ONNX Runtime does not have: export it again."
        ) from error


def check_onnx(path: Path) -> None:
    """Check the checksum of an ONNX file, if it has one, and that it reads no files outside its folder.

    Raises:
        ValueError: The message names the problem.
        ImportError: The file names other files, and the package `onnx` is not installed.
    """
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty: export the network again.")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        end = len(content) - _DIGEST_LENGTH
        if end >= 0 and content[end : end + len(_DIGEST_START)] == _DIGEST_START:
            digest = hashlib.sha256(memoryview(content)[:end]).hexdigest().encode()
            is_damaged = digest != content[-64:]
        else:  # a checksum that is incomplete or not at the end, or none
            is_damaged = content.find(_KEY) >= 0 or _DIGITS.fullmatch(content[-64:]) is not None
        if is_damaged:
            raise ValueError(f"{path} is damaged: it does not match its checksum. Copy or export it again.")
        if content.find(b"EPContext") >= 0:
            raise ValueError(
                f"{path} contains parts that were compiled for a device (EPContext). They are code, so the file is "
                f"refused: export the network without them."
            )
        names_files = content.find(b"location") >= 0
    if names_files:
        _check_external_data(path)


def _check_external_data(path: Path) -> None:
    """Check that the data files of tensors lie in the folder of an ONNX file, and are long enough."""
    try:
        onnx = importlib.import_module("onnx")
    except ImportError as error:
        raise ImportError(
            f"{path} may store tensors in other files, which are only read after a check with onnx: pip install onnx"
        ) from error
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's errors have no common base class
        raise ValueError(f"{path} is damaged or no ONNX file: export it again.") from error
    folders = {path.parent.resolve(), path.resolve().parent}
    for tensor in _messages(model, "TensorProto"):
        if not tensor.external_data and tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        file = path.parent / entries.get("location", "")
        where = f"{path} stores the tensor {tensor.name[:60]!r} in the file {entries.get('location', '')[:100]!r}"
        if folders.isdisjoint(file.resolve().parents):
            raise ValueError(f"{where}, which is outside its folder. Export it again into one file or folder.")
        if not file.is_file():
            raise ValueError(
                f"{where}, which does not exist: copy it into the same folder, or export the network again."
            )
        numbers = [entries.get(key) or "0" for key in ("offset", "length")]
        if not all(number.isdecimal() and len(number) < 20 for number in numbers):
            raise ValueError(f"{where} at an invalid position: export the network again.")
        if sum(map(int, numbers)) > file.stat().st_size:
            raise ValueError(f"{where}, which is shorter than the tensor: copy it again, or export the network again.")


def _messages(message: Any, name: str) -> Iterator[Any]:
    """All protobuf messages of a type in a message, at any depth: also in subgraphs and functions."""
    if message.DESCRIPTOR.name == name:
        yield message
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from _messages(part, name)
