import warnings
from pathlib import Path
from typing import TypeVar

import torch

Label = TypeVar("Label", bound=torch.Tensor)


def none_if_empty(label: Label, path: str | Path, problem: str) -> Label | None:
    """The label, or None with a warning if all its values are 0 (no valid pixel).

    Args:
        label: The label.
        path: Its file, for the warning.
        problem: What the file is missing, such as `'no reading'`.
    """
    if label.any():
        return label
    # Python shows the same warning once per process
    warnings.warn(f"{path} has {problem}: the label is treated as missing.", stacklevel=2)
    return None
