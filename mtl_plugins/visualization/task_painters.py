"""Which painter a task has: ``paint_any_task`` for a task of a user's, unless it registers its own."""

from dataclasses import dataclass

import numpy as np

from .painters import (
    DEPTH_COLORMAP,
    HEAT_COLORMAP,
    INVALID_COLOUR,
    colormap_table,
    paint_classes,
    paint_depth,
    paint_generic,
    paint_normals,
    valid_depth,
)
from .palette import VOID_COLOUR, VOID_INDEX, make_palette

MAX_CLASSES_WITHOUT_NAMES = 64  # an integer map with more values than this is painted as heat


@dataclass
class ColourBar:
    """The key of a map along a colormap: ``table``, uint8 (256, 3), is for ``low`` … ``high`` in ``unit``."""

    table: np.ndarray
    low: float
    high: float
    unit: str = ""


@dataclass
class Painted:
    """What a task painter gives back.

    ``pictures``: uint8 (H, W, 3), one for each map that it was given, in order. ``bar``: a colour bar, if
    any. ``swatches``: (name, colour) pairs to print under the column. ``legend``: (name, colour) pairs for
    the panel's large legend.
    """

    pictures: list
    bar: ColourBar | None = None
    swatches: tuple = ()
    legend: tuple = ()


TASK_PAINTERS = {}


def register_task_painter(task):
    """Decorator: paint the maps of ``task`` with the function below.

    The function takes ``maps``, a list of (C, H, W) arrays of one image (truth and prediction, or just one of
    the
    two: they come together so that they share one range), and ``meta``, the dataset's METAINFO, and returns
    ``Painted``.
    """

    def register(function):
        TASK_PAINTERS[task] = function
        return function

    return register


def paint_task(task, maps, meta=None):
    """``Painted`` of one task's maps, by its own painter or else by ``paint_any_task``."""
    return TASK_PAINTERS.get(task, paint_any_task)(maps, meta or {})


@register_task_painter("semseg")
def paint_semseg_task(maps, meta):
    """Class maps (1, H, W) in the dataset's palette, with the names of the classes that occur."""
    return _painted_classes(maps, meta.get("classes"), meta.get("palette"))


@register_task_painter("depth")
def paint_depth_task(maps, meta):
    """Depth maps (1, H, W) in metres; the range is the first map's, so the truth's where there is one."""
    holes = any((~valid_depth(depth)).any() for depth in maps)
    readings = [depth[valid_depth(depth)] for depth in maps]
    reference = next((values for values in readings if values.size), np.array([0.0, 1.0]))
    low, high = (float(bound) for bound in np.percentile(reference, (1, 99)))
    if high - low < 0.1:  # a constant map: still a range of colours
        low, high = max(low - 0.05, 0.0), high + 0.05
    return Painted(
        pictures=[paint_depth(depth, low, high) for depth in maps],
        bar=ColourBar(colormap_table(DEPTH_COLORMAP), low, high, "m"),
        swatches=(("no reading", INVALID_COLOUR),) if holes else (),
    )


@register_task_painter("normals")
def paint_normals_task(maps, meta):
    """Normal maps (3, H, W), with the colours of three plain directions as key."""
    directions = {"faces right": (1, 0, 0), "faces up": (0, -1, 0), "faces camera": (0, 0, -1)}
    swatches = [
        (name, tuple(paint_normals(np.float32(normal).reshape(3, 1, 1))[0, 0].tolist()))
        for name, normal in directions.items()
    ]
    return Painted(pictures=[paint_normals(normals) for normals in maps], swatches=tuple(swatches))


def paint_any_task(maps, meta):
    """Maps of a task that has no painter of its own.

    Integer maps with few values are classes; RGB maps (3, H, W) uint8 are shown as they are; other maps are
    heat, those of several channels by the length of the vector. In an integer map 255 is void.
    """
    if all(values.shape[0] == 3 and values.dtype == np.uint8 for values in maps):
        return Painted([values.transpose(1, 2, 0) for values in maps])
    single = all(values.shape[0] == 1 for values in maps)
    if single and all(_is_integer(values) for values in maps):
        known = np.concatenate([values[values != VOID_INDEX].ravel() for values in maps]).astype(np.int64)
        if not known.size or (known.min() >= 0 and known.max() < MAX_CLASSES_WITHOUT_NAMES):
            painted = _painted_classes(maps, None, None)
            return Painted(painted.pictures, swatches=painted.legend)
    heat = [_as_heat(values) for values in maps]
    finite = np.concatenate([values[np.isfinite(values)] for values in heat])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if 0 <= low and high <= 1:  # most likely a probability or a share
        low, high = 0.0, 1.0
    pictures = [paint_generic(values, low, high) for values in heat]
    return Painted(pictures, bar=ColourBar(colormap_table(HEAT_COLORMAP), low, high))


def _painted_classes(maps, names, palette):
    present = [int(i) for i in np.unique(np.concatenate([np.unique(labels) for labels in maps]))]
    ids = [i for i in present if i != VOID_INDEX]
    if palette is None or not len(palette):
        palette = make_palette(max([len(names or ())] + [i + 1 for i in ids]))
    pictures = [paint_classes(labels, palette) for labels in maps]
    names = dict(enumerate(names or ()))
    legend = [(str(names.get(i, i)), tuple(map(int, palette[i]))) for i in ids]
    if VOID_INDEX in present:
        legend.append(("void", VOID_COLOUR))
    return Painted(pictures, legend=tuple(legend))


def _is_integer(values):
    return values.dtype == bool or np.issubdtype(values.dtype, np.integer)


def _as_heat(values):
    floats = values.astype(np.float32)
    if _is_integer(values) and values.dtype != bool:
        floats[values == VOID_INDEX] = np.nan
    return floats[0] if len(floats) == 1 else np.linalg.norm(floats, axis=0)
