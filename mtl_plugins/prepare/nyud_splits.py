from pathlib import Path

import numpy as np
import scipy.io

from mtl_plugins.datasets import DataError
from mtl_plugins.files import read_lines

_FIELDS = dict(train="trainNdxs", val="testNdxs")
_OFFICIAL = Path(__file__).parent / "splits"


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
    try:
        content = scipy.io.loadmat(path, variable_names=list(_FIELDS.values()))
    except Exception as error:  # scipy's reader raises nearly anything if the file is not a .mat
        raise DataError(f"{path} is not a splits.mat: {error}. {_expected()}") from None
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


def _read_numbers(path: Path) -> list[int]:
    return [int(line.text) for line in read_lines(path)]


def _expected() -> str:
    return (
        f"Expected a MATLAB file (version 5 to 7) with {' and '.join(_FIELDS.values())}; to use the official split, "
        "remove --splits."
    )
