from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

from mtl_plugins.files import shorten

from .csv_tables import list_tables, read_table
from .label_space import LabelSpace, label_space

#: The id of pixels without a class.
VOID = 255


def class_map(source: str, target: str, table: str | Path | None = None) -> np.ndarray:
    """A look-up table from the ids of one label space to those of another: uint8, `table[id]`, 255 for void.

    The table has an entry for each id from 0 to 255, or to the largest id of the source; ids that the source does not
    have are void. Spaces without a direct map are connected through others (`nyud894` to `nyud13` through `nyud40`). A
    space maps to itself.

    Args:
        source: Name of a label space.
        target: Name of a label space.
        table: A custom CSV file. It has two columns, named after the spaces, with class names; an empty cell is void.

    Raises:
        FileNotFoundError: A space does not exist, or no map connects them; the message lists the known maps.
        ValueError: The table names a class that its space does not have, or omits one.

    Examples:
        >>> int(class_map("cityscapes19", "kitti6")[13])  # car
        5
    """
    if table is not None:
        return _read_map(table, source, target)
    path = _find_path(source, target)
    if path is None:
        label_space(source), label_space(target)  # raises a better error for a misspelt name
        raise FileNotFoundError(
            f"no class map from {source} to {target}; known: {', '.join(list_class_maps())}. A custom map is a CSV "
            f"file with the columns {source},{target}: use its path."
        )
    steps = [_read_map("_to_".join(step), *step) for step in zip(path, path[1:], strict=False)]
    if not steps:
        return _identity(label_space(source))
    lut, *others = steps
    for other in others:
        lut = map_classes(lut, other)
    return lut


def map_classes(ids: np.ndarray, lut: np.ndarray) -> np.ndarray:
    """Map class ids with a look-up table of `class_map`: uint8, same shape; ids beyond the table become void."""
    ids = np.asarray(ids)
    known = ids < len(lut)
    return np.where(known, lut[np.where(known, ids, 0)], np.uint8(VOID))


def list_class_maps() -> list[str]:
    """The bundled maps, as `'source -> target'`."""
    return [" -> ".join(name.split("_to_")) for name in list_tables("maps")]


@cache
def _read_map(name: str | Path, source: str, target: str) -> np.ndarray:
    rows = read_table("maps", name)
    if set(rows[0]) != {source, target}:
        raise ValueError(f"the class map {name} has the columns {shorten(list(rows[0]))}, but needs {source},{target}.")
    start, end = label_space(source), label_space(target)
    given = {row[source]: row[target] for row in rows}
    if len(given) < len(rows):
        twice = next(value for value, count in Counter(row[source] for row in rows).items() if count > 1)
        raise ValueError(f"the class map {name} has the class {shorten(twice)} of {source} twice.")
    for space, names in ((start, given), (end, [value for value in given.values() if value])):
        unknown = [value for value in names if value not in space.classes]
        if unknown:
            raise ValueError(f"the class map {name} names {shorten(unknown[:5])}, which {space.name} does not have.")
    absent = [value for value in start.classes if value not in given]
    if absent:
        raise ValueError(f"the class map {name} omits {absent[:5]} of {source}: use an empty cell for void.")
    id_of = dict(zip(end.classes, end.ids, strict=True)) | {"": VOID}
    lut = np.full(_length(start), VOID, np.uint8)
    for value, identity in zip(start.classes, start.ids, strict=True):
        lut[identity] = id_of[given[value]]
    return lut


def _length(space: LabelSpace) -> int:
    return max(256, max(space.ids) + 1)


def _identity(space: LabelSpace) -> np.ndarray:
    if max(space.ids) >= VOID:
        raise ValueError(f"{space.name} has too many classes for an 8-bit map: map it to another label space.")
    lut = np.full(_length(space), VOID, np.uint8)
    lut[list(space.ids)] = space.ids
    return lut


def _find_path(source: str, target: str) -> list[str] | None:
    """The shortest chain of spaces from source to target, or None."""
    edges = [name.split("_to_") for name in list_tables("maps")]
    chains, seen = [[source]], {source}
    for chain in chains:
        if chain[-1] == target:
            return chain if len(chain) > 1 or source in list_tables("spaces") else None
        for start, end in edges:
            if start == chain[-1] and end not in seen:
                seen.add(end)
                chains.append([*chain, end])
    return None
