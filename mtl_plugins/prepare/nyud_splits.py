import math
import warnings
from pathlib import Path

import numpy as np
import scipy.io

from mtl_plugins.datasets import DataError
from mtl_plugins.files import WorkerKilledError, read_lines, run_in_child

_FIELDS = dict(train="trainNdxs", val="testNdxs")
_OFFICIAL = Path(__file__).parent / "splits"
_MAX_BYTES = 2**16  # of a splits.mat; the official one has 3 kB
_MAX_NUMBERS = 10_000
_NUMBERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)} | {"single", "double"}


def read_splits(path: str | Path | None = None) -> dict[str, list[int]]:
    """Read the numbers of the images of each split, counted from 1, in their order.

    Args:
        path: A `splits.mat`. None: NYUDv2's official split.

    Raises:
        FileNotFoundError: The file does not exist.
        DataError: The file is not a `splits.mat`.
    """
    if path is None:
        return {split: _read_numbers(_OFFICIAL / f"nyud_{split}.txt") for split in _FIELDS}
    if not Path(path).is_file():
        raise FileNotFoundError(f"the file {path} does not exist. Without --splits, the official split is used.")
    if (size := Path(path).stat().st_size) > _MAX_BYTES:
        raise DataError(f"{path} is not a splits.mat: it has {size:,} bytes. {_expected()}")
    content = _load(path)
    missing = [field for field in _FIELDS.values() if field not in content]
    if missing:
        raise DataError(f"{path} is not a splits.mat: it has no {', '.join(missing)}. {_expected()}")
    found = {split: np.ravel(content[field]) for split, field in _FIELDS.items()}
    for split, numbers in found.items():
        if numbers.dtype.kind not in "iuf" or (numbers < 1).any() or (numbers % 1).any():
            raise DataError(f"{path}: {_FIELDS[split]} must contain integers from 1. {_expected()}")
        if len(np.unique(numbers)) < len(numbers):
            raise DataError(f"{path}: {_FIELDS[split]} contains a number twice. {_expected()}")
    return {split: [int(number) for number in numbers] for split, numbers in found.items()}


def _load(path: str | Path) -> dict[str, np.ndarray]:
    """The fields in a `.mat`."""
    try:
        return run_in_child(_read_fields, path)  # scipy crashes for some damaged files
    except (ValueError, WorkerKilledError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is not a splits.mat, or damaged: {reason}. {_expected()}") from None


def _read_fields(path: str | Path) -> dict[str, np.ndarray]:
    """Read the fields. Their sizes are checked first, so that a small file cannot fill the memory."""
    names = list(_FIELDS.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns about damaged names
        for name, shape, kind in scipy.io.whosmat(path):
            if name in names and (kind not in _NUMBERS or math.prod(shape) > _MAX_NUMBERS):
                raise ValueError(f"{name} is {kind} of shape {shape}")
        content = scipy.io.loadmat(path, variable_names=names)
    return {name: np.asarray(content[name]) for name in names if name in content}


def _read_numbers(path: Path) -> list[int]:
    return [int(line.text) for line in read_lines(path)]


def _expected() -> str:
    return (
        f"Expected a MATLAB file (version 5 to 7) with {' and '.join(_FIELDS.values())}; to use the official split, "
        "remove --splits."
    )
