from functools import cache
from pathlib import Path

import numpy as np

from .csv_tables import list_tables, read_table
from .label_space import LabelSpace, label_space

VOID = 255


def class_map(source: str, target: str, table: str | Path | None = None) -> np.ndarray:
    """A look-up table from the ids of one label space to those of another: uint8, ``table[id]``, 255 void.

    It has an entry for each id from 0 to 255, or to the source's largest; what the source does not know is void.
    Without a map of their own, spaces are joined through a third (``nyud894`` to ``nyud13``), and spaces of equal
    name map to themselves.

    Args:
        source, target: names of label spaces.
        table: a CSV file of yours whose two columns, named by the spaces, hold class names; an empty cell is void.

    Raises:
        FileNotFoundError: no such space, or no map between the two; what there is is told.
        ValueError: the table names a class that its space does not have, or leaves one out.
    """
    if table is not None:
        return _from_table(table, source, target)
    path = _path(source, target)
    if path is None:
        label_space(source), label_space(target)  # a misspelt name is told first
        raise FileNotFoundError(
            f"there is no class map from {source} to {target}; there are: {', '.join(list_class_maps())}. "
            f"One of your own is a CSV file with the columns {source},{target}: give its path."
        )
    steps = [_from_table("_to_".join(step), *step) for step in zip(path, path[1:], strict=False)]
    if not steps:
        return _identity(label_space(source))
    lut, *others = steps
    for other in others:
        lut = map_classes(lut, other)
    return lut


def map_classes(ids: np.ndarray, lut: np.ndarray) -> np.ndarray:
    """Class ids through a look-up table of ``class_map``: uint8, same shape; ids beyond the table are void."""
    ids = np.asarray(ids)
    known = ids < len(lut)
    return np.where(known, lut[np.where(known, ids, 0)], np.uint8(VOID))


def list_class_maps() -> list[str]:
    """The maps that ship with the project, as ``'source -> target'``."""
    return [" -> ".join(name.split("_to_")) for name in list_tables("maps")]


@cache
def _from_table(name, source, target):
    rows = read_table("maps", name)
    if set(rows[0]) != {source, target}:
        raise ValueError(f"the class map {name} has the columns {list(rows[0])}, wanted are {source},{target}.")
    start, end = label_space(source), label_space(target)
    given = {row[source]: row[target] for row in rows}
    for space, names in ((start, given), (end, [value for value in given.values() if value])):
        strange = [value for value in names if value not in space.classes]
        if strange:
            raise ValueError(f"the class map {name} names {strange[:5]}, which {space.name} does not have.")
    absent = [value for value in start.classes if value not in given]
    if absent:
        raise ValueError(f"the class map {name} leaves out {absent[:5]} of {source}: give void an empty cell.")
    id_of = dict(zip(end.classes, end.ids, strict=True)) | {"": VOID}
    lut = np.full(_length(start), VOID, np.uint8)
    for value, identity in zip(start.classes, start.ids, strict=True):
        lut[identity] = id_of[given[value]]
    return lut


def _length(space: LabelSpace) -> int:
    return max(256, max(space.ids) + 1)


def _identity(space):
    if max(space.ids) >= VOID:
        raise ValueError(f"{space.name} has more classes than a map of 8 bits can hold: map it to another space.")
    lut = np.full(_length(space), VOID, np.uint8)
    lut[list(space.ids)] = space.ids
    return lut


def _path(source, target):
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
