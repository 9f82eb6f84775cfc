from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torchvision import tv_tensors

from mtl_plugins.label_spaces import VOID, label_space
from mtl_plugins.label_spaces import class_map as find_class_map

from ..data_error import DataError
from .single_channel import decode_single_channel

#: Two names of label spaces, or a look-up table of ids.
ClassMap = Sequence[str] | Sequence[int] | np.ndarray


def read_classes(
    path: str | Path,
    num_classes: int | None = None,
    void_ids: Iterable[int] = (),
    class_map: ClassMap | None = None,
) -> tv_tensors.Mask:
    """Read the class id of each pixel, uint8 (1, H, W), 255 for void.

    Args:
        path: A grey or palette image, or an NPY file of integers.
        num_classes: Ids (after the class map) must be below it, or void. None disables the check.
        void_ids: Ids in the file that mean void, in addition to 255.
        class_map: How to map the ids of the file to other ids: names `(source, target)` of label spaces, or a look-up
            table with 255 for void as `label_spaces.class_map` returns it. The ids must exist in the source or be void.

    Raises:
        DataError: The file contains an invalid id.
    """
    raw = _small_ids(decode_single_channel(path, "a map of class ids").numpy(), tuple(void_ids), path)
    if class_map is not None:
        raw = _map_ids(raw, class_map, tuple(void_ids), path)
    elif void_ids:
        table = np.arange(np.iinfo(raw.dtype).max + 1, dtype=raw.dtype)
        table[[void for void in void_ids if 0 <= void < len(table)]] = VOID
        raw = np.take(table, raw)
    limit = VOID if num_classes is None else num_classes
    # + 1 wraps void from 255 to 0; a hundred times faster than np.unique
    if raw.dtype != np.uint8 or (raw + np.uint8(1)).max() > limit:
        found = [n for n in np.unique(raw).tolist() if n >= limit and n != VOID]
        if found:
            contains = "contains class id" if class_map is None else "has, after its class map, class id"
            raise DataError(
                f"{path} {contains} {_shorten(found)}, but there are {limit} classes: 0…{limit - 1}, and {VOID} "
                "for void. Is it a file of another dataset? Otherwise correct the file, or name all classes in the "
                "config: metainfo=dict(classes=…)."
            )
    return tv_tensors.Mask(torch.from_numpy(raw.astype(np.uint8, copy=False)))


def _small_ids(raw: np.ndarray, void_ids: tuple[int, ...], path: str | Path) -> np.ndarray:
    """Other integers than those of a PNG as uint16, with 255 for negative ids that mean void."""
    if raw.dtype in (np.uint8, np.uint16):
        return raw
    if raw.dtype == bool:
        return raw.astype(np.uint8)
    if raw.dtype.kind == "f":
        raise DataError(f"{path} contains {raw.dtype} numbers, but class ids are integers. Save them as uint8.")
    raw = np.where(np.isin(raw, [n for n in void_ids if n < 0]), VOID, raw)
    if raw.size and (raw.min() < 0 or raw.max() > np.iinfo(np.uint16).max):
        outside = np.unique(raw[(raw < 0) | (raw > np.iinfo(np.uint16).max)]).tolist()
        raise DataError(
            f"{path} contains class id {_shorten(outside)}, but ids are 0…{np.iinfo(np.uint16).max}. If it means void, "
            "add it to void_ids."
        )
    return raw.astype(np.uint16)


def _map_ids(raw: np.ndarray, class_map: ClassMap, void_ids: tuple[int, ...], path: str | Path) -> np.ndarray:
    by_name = isinstance(class_map[0], str)
    lut, known = _named_table(tuple(class_map), void_ids) if by_name else _table(class_map, None, void_ids)
    unknown = ~np.take(known, raw, mode="clip")
    if unknown.any():
        ids = np.flatnonzero(known)
        owner = f"of {class_map[0]} " if by_name else ""
        raise DataError(
            f"{path} contains class id {_shorten(np.unique(raw[unknown]).tolist())}, but the ids {owner}that can be "
            f"mapped are {ids[0]}…{ids[ids != VOID][-1]}, and {VOID} for void. Are these labels of another label "
            "space? Name it in class_map=(source, target); list ids that mean void in void_ids."
        )
    return np.take(lut, raw)


@cache
def _named_table(names: tuple[str, str], void_ids: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return _table(find_class_map(*names), label_space(names[0]).ids, void_ids)


def _table(given: ClassMap, ids: Sequence[int] | None, void_ids: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The look-up table, uint8, and which ids it knows: `ids` (None: all of them), void, and `void_ids`."""
    given = np.asarray(given)
    if given.ndim != 1 or given.dtype.kind not in "iu" or given.min() < 0 or given.max() > VOID:
        raise ValueError(
            f"class_map must be two names of label spaces or a table of ids 0…{VOID}, but got {given!r:.200}."
        )
    void_ids = tuple(void for void in void_ids if void >= 0)
    lut = np.full(max(len(given), VOID + 1, *(void + 1 for void in void_ids)), VOID, np.uint8)
    lut[: len(given)] = given
    lut[list(void_ids)] = VOID
    known = np.zeros(len(lut) + 1, bool)  # the last entry stands for all ids beyond the table
    known[[*(range(len(given)) if ids is None else ids), VOID, *void_ids]] = True
    return lut, known


def _shorten(ids: list[int]) -> str:
    return ", ".join(map(str, ids[:10])) + (" …" if len(ids) > 10 else "")
