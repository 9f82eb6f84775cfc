"""Writing and reading `.pt2` files without pickles.

`torch.export.load` unpickles parts of a file and evaluates others as Python. A file is therefore checked against a list
of allowed members and texts, and PyTorch only sees a copy of what was checked.
"""

import copy
import io
import json
import math
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from mtl_plugins.files import write_bytes

from .pt2_program import check_program, weight_name

SIGNATURE = "mtl_plugins.json"

_PROGRAMS = ("models/model.json", "serialized_exported_program.json")  # the latter before PyTorch 2.8
_EXAMPLES = ("data/sample_inputs/model.pt", "serialized_example_inputs.pt")
_CONFIGS = {"data/weights/model_weights_config.json": "weight", "data/constants/model_constants_config.json": "tensor"}
_TENSORS = ("serialized_state_dict.pt", "serialized_constants.pt")  # before PyTorch 2.8
_EXTRA = (f"extra/{SIGNATURE}", f"extra_files/{SIGNATURE}")
_RAW = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/(version|serialization_id|format_version|"
    r"storage_alignment)|data/weights/weight_\d+|data/constants/tensor_\d+|extra/[\w.\-]+|extra_files/[\w.\-]+"
)
_FEWEST = 2**20  # elements that a tensor may have in any case


def write_pt2(exported: ExportedProgram, path: Path, signature: str) -> None:
    """Write a graph and its signature. The example inputs are left out, because they would be pickled."""
    exported = copy.copy(exported)
    exported._example_inputs = None
    with warnings.catch_warnings():
        # PyTorch warns that channels-last weights may share their storage with other tensors, which they do not
        warnings.filterwarnings("ignore", "No complete tensor found")
        # to memory: PyTorch's writer ends the process if the disk is full
        content = io.BytesIO()
        torch.export.save(exported, content, extra_files={SIGNATURE: signature})
    write_bytes(path, content.getvalue())


def read_pt2(path: Path) -> tuple[ExportedProgram, str]:
    """The graph and the signature of a `.pt2` file. Nothing in the file is executed.

    Raises:
        ValueError: The file is damaged, or contains pickled objects, compiled code, or a program with anything but
            PyTorch's operators.
    """
    checked = io.BytesIO()
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(checked, "w") as copied:
            signature = _copy_members(archive, copied, path.stat().st_size)
    except (zipfile.BadZipFile, EOFError, KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} cannot be read by PyTorch: it is damaged or incomplete ({error}). Export the network again."
        ) from error
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path} is refused, because it could run code: {error}. Export the network again with mtl export."
        ) from error
    checked.seek(0)
    return _load(checked), signature


def _load(file: io.BytesIO) -> ExportedProgram:
    with zipfile.ZipFile(file) as archive:
        is_old = _PROGRAMS[1] in archive.namelist()
    file.seek(0)
    if is_old:
        return torch.export.load(file)
    from torch.export.pt2_archive._package import load_pt2  # torch.export.load hides the cause of an error in its log

    return load_pt2(file).exported_programs["model"]


def _copy_members(archive: zipfile.ZipFile, copied: zipfile.ZipFile, file_size: int) -> str:
    """Copy the checked members of an archive, and return the signature."""
    members = _list_members(archive, file_size)
    sizes = {name: info.file_size for name, info in members.items()}
    if not set(_PROGRAMS) & set(members):
        raise zipfile.BadZipFile("it contains no exported program")
    signature = ""
    for name, info in members.items():
        content = archive.read(info)
        if name in _EXTRA:
            signature = content.decode()
        if name in _PROGRAMS:
            content = check_program(content)
        elif name in _EXAMPLES:
            _load_tensors(content, name)
            content = b""
        elif name in _TENSORS:
            content = _check_tensors(content, name)
        elif name in _CONFIGS:
            content = _check_tensor_config(content, _CONFIGS[name], sizes)
        copied.writestr(info.filename, content)
    return signature


def _list_members(archive: zipfile.ZipFile, file_size: int) -> dict[str, zipfile.ZipInfo]:
    """The members by their name without the folder that contains all of them."""
    infos = archive.infolist()
    parts = {info.filename.split("/", 1)[0] for info in infos}
    root = "" if len(parts) != 1 else f"{parts.pop()}/"
    members = {info.filename.removeprefix(root): info for info in infos}
    known = (*_PROGRAMS, *_EXAMPLES, *_TENSORS, *_CONFIGS, *_EXTRA)
    for name, info in members.items():
        if name not in known and not _RAW.fullmatch(name):
            raise ValueError(f"it contains {name[:80]!r}")
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"its member {name!r} is compressed")
    if len(members) < len(infos) or sum(info.file_size for info in infos) > file_size:
        raise ValueError("its members overlap")
    return members


def _load_tensors(content: bytes, name: str) -> Any:
    try:
        return torch.load(io.BytesIO(content), weights_only=True) if content else None
    except Exception as error:  # PyTorch raises several types
        raise ValueError(f"its member {name!r} contains more than tensors") from error


def _check_tensors(content: bytes, name: str) -> bytes:
    tensors = _load_tensors(content, name) or {}
    if not (isinstance(tensors, dict) and all(isinstance(value, torch.Tensor) for value in tensors.values())):
        raise ValueError(f"its member {name!r} contains more than tensors")
    buffer = io.BytesIO()
    torch.save({weight_name(key): value for key, value in tensors.items()}, buffer)
    return buffer.getvalue()


def _check_tensor_config(content: bytes, prefix: str, sizes: dict[str, int]) -> bytes:
    """The description of the tensors of an archive: names, files, shapes."""
    folder = "data/weights" if prefix == "weight" else "data/constants"
    config = json.loads(content)["config"]
    for name, entry in config.items():
        weight_name(name)
        if entry["use_pickle"] is not False:
            raise ValueError(f"its tensor {name!r} is pickled")
        if not re.fullmatch(rf"{prefix}_\d+", entry["path_name"]):
            raise ValueError(f"its tensor {name!r} is stored as {entry['path_name'][:60]!r}")
        meta = entry["tensor_meta"]
        lengths = [_integer(length) for length in (*meta["sizes"], *meta["strides"], meta["storage_offset"])]
        count = math.prod(lengths[: len(meta["sizes"])])
        stored = sizes[f"{folder}/{entry['path_name']}"]
        if min(lengths) < 0 or (count > max(stored, _FEWEST) or (stored == 0 and count > 0)):
            raise zipfile.BadZipFile(f"its tensor {name!r} does not have the size of its data")
    return json.dumps({"config": config}).encode()


def _integer(value: dict) -> int:
    [(kind, number)] = value.items()
    if kind != "as_int" or not isinstance(number, int) or isinstance(number, bool):
        raise ValueError("it has a tensor without a fixed size")
    return number
