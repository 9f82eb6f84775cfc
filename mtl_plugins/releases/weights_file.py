"""The weights of a release: a safetensors file, in float16 where that is precise enough."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from mtl_plugins.files import DataError, read_regular_file

TOLERANCE = 2.0**-11
"""Largest relative error (Euclidean norm) of a tensor in float16: half a unit in its last place."""


def to_half(state: Mapping[str, Tensor], keep: Collection[str] = ()) -> dict[str, Tensor]:
    """Weights in float16, and those that would suffer in float32.

    Vectors and scalars stay float32: biases and the parameters and statistics of normalisations take little space, and
    errors in them shift complete channels. Matrices and kernels stay float32 if float16 cannot hold a value or its
    rounding exceeds `TOLERANCE`, because many values are below its normal range. Integers keep their type.

    Args:
        state: The weights.
        keep: Names of others that keep their type, such as buffers with measured values.
    """
    return {
        name: _half_if_precise(value) if value.is_floating_point() and name not in keep else value
        for name, value in state.items()
    }


def _half_if_precise(value: Tensor) -> Tensor:
    exact = value.float()
    if exact.ndim < 2:
        return exact
    half = exact.half()
    error = torch.linalg.vector_norm(half.double() - exact.double())
    precise = bool(half.isfinite().all()) and bool(error <= TOLERANCE * torch.linalg.vector_norm(exact.double()))
    return half if precise else exact


def weights_bytes(state: Mapping[str, Tensor]) -> bytes:
    """The bytes of a safetensors file, in which no two tensors share memory."""
    return save({name: value.detach().cpu().contiguous().clone() for name, value in state.items()})


def read_weights(path: Path, size: int, sha256: str) -> dict[str, Tensor]:
    """Read the weights of a release, and nothing else: no pickle is ever loaded.

    Args:
        path: The file.
        size: Its size in bytes.
        sha256: Its checksum, hexadecimal.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: The file has another size or checksum, or is not a safetensors file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: the release is incomplete. Get it again.")
    if (found := path.stat().st_size) != size:
        what = "truncated" if found < size else "of another version"
        raise DataError(f"{path} has {found:,} bytes, but {size:,} are expected: it is {what}. Get the release again.")
    content = read_regular_file(path, size)
    if (checksum := hashlib.sha256(content).hexdigest()) != sha256:
        raise DataError(
            f"the sha256 of {path} is {checksum}, but {sha256} is expected: the file was changed or damaged. Get the "
            "release again."
        )
    try:
        return load(content)
    except SafetensorError as error:
        raise DataError(
            f"{path} is not a safetensors file ({error}); files of other formats, such as pickles, are not loaded."
        ) from None
