from pathlib import Path

import numpy as np
import scipy.io

from mtl_plugins.datasets.data_error import DataError

_FIELDS = dict(train="trainNdxs", val="testNdxs")
_OFFICIAL = Path(__file__).parent / "splits"


def read_splits(path: str | Path | None = None) -> dict[str, list[int]]:
    """{split: numbers of its images, from 1, in its order}: of a ``splits.mat``, or NYUDv2's official split.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: it is no ``splits.mat``.
    """
    if path is None:
        return {split: _numbers_in(_OFFICIAL / f"nyud_{split}.txt") for split in _FIELDS}
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}. Without --splits the official split is taken.")
    try:
        held = scipy.io.loadmat(path, variable_names=list(_FIELDS.values()))
    except Exception as error:  # on what is no .mat, scipy's reader raises nearly anything
        raise DataError(f"{path} is no splits.mat: {error}. {_wanted()}") from None
    missing = [field for field in _FIELDS.values() if field not in held]
    if missing:
        raise DataError(f"{path} is no splits.mat: it has no {', '.join(missing)}. {_wanted()}")
    found = {split: np.ravel(held[field]) for split, field in _FIELDS.items()}
    for split, numbers in found.items():
        if numbers.dtype.kind not in "iuf" or (numbers < 1).any() or (numbers % 1).any():
            raise DataError(f"{path}: {_FIELDS[split]} holds other things than whole numbers from 1. {_wanted()}")
        if len(np.unique(numbers)) < len(numbers):
            raise DataError(f"{path}: {_FIELDS[split]} holds a number twice. {_wanted()}")
    return {split: [int(number) for number in numbers] for split, numbers in found.items()}


def _numbers_in(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [int(line) for line in lines if line.strip() and not line.startswith("#")]


def _wanted():
    return f"It is a MATLAB file (version 5 to 7) with {' and '.join(_FIELDS.values())}; or leave --splits out."
