from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtl_plugins.kinds import LabelOptions, find_kind

from ..data_error import DataError
from ..image_decoder import decode_file


def read_kind(path: str | Path, kind: str, **options: Any) -> Tensor | None:
    """Read a label of any kind from a PNG or NPY file.

    Args:
        path: The file.
        kind: Name of the kind, see `mtl_plugins.kinds`.
        **options: Options of `LabelOptions`, such as `scale`.

    Returns:
        The label, or None if it has no valid pixel.

    Raises:
        DataError: The file is damaged or does not fit the kind.
    """
    path, found = Path(path), find_kind(kind)
    try:
        stored = torch.from_numpy(np.load(path)) if path.suffix == ".npy" else decode_file(path)
        label = found.decode(stored, LabelOptions(**options))
    except (ValueError, OSError) as error:
        raise DataError(f"Cannot read {path} as {found.name}: {error}") from None
    return label if bool(found.valid(label).any()) else None
