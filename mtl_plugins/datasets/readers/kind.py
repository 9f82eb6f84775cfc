from pathlib import Path
from typing import Any

from torch import Tensor

from mtl_plugins.images import read_stored_image, turn
from mtl_plugins.kinds import LabelOptions, find_kind

from ..data_error import DataError


def read_kind(path: str | Path, kind: str, **options: Any) -> Tensor | None:
    """Read a label of any kind from a PNG, TIFF or NPY file.

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
        stored, orientation = read_stored_image(path)
        label = turn(found.decode(stored, LabelOptions(**options)), orientation)
    except (ValueError, OSError, TypeError, RuntimeError) as error:
        raise DataError(f"Cannot read {path} as {found.name}: {error}") from None
    return label if bool(found.valid(label).any()) else None
