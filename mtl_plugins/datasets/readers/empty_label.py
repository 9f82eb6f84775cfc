import warnings
from collections import defaultdict
from pathlib import Path
from typing import TypeVar

import torch

Label = TypeVar("Label", bound=torch.Tensor)

#: How many files of a folder each process reports.
MAX_WARNINGS = 5
# The warnings about files, by folder and problem; Python keeps a list of the warnings that it has shown in the same way
_reported: defaultdict[tuple[Path, str], dict[Path, str]] = defaultdict(dict)


def none_if_empty(label: Label, path: str | Path, problem: str) -> Label | None:
    """The label, or None with a warning if all its values are 0 (no valid pixel).

    Each process warns about at most `MAX_WARNINGS` files of a folder.

    Args:
        label: The label.
        path: Its file, for the warning.
        problem: What the file is missing, such as `'no reading'`.
    """
    if label.any():
        return label
    path = Path(path)
    reported = _reported[path.parent, problem]
    if path not in reported and len(reported) < MAX_WARNINGS:
        last = " Other files in this folder are not reported." if len(reported) == MAX_WARNINGS - 1 else ""
        reported[path] = f"{path} has {problem}: the label is treated as missing.{last}"
    if path in reported:  # Python shows the same warning once per process
        warnings.warn(reported[path], stacklevel=2)
    return None
