"""Painting maps: each function takes an array and returns an RGB picture of the same size."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from mtl_plugins.label_spaces import VOID

from .colour_scale import ColourScale
from .palette import VOID_COLOUR
from .panoptic.segment_ids import INSTANCES_PER_CLASS, PANOPTIC_VOID
from .sparse_readings import enlarge_readings

DEPTH_COLORMAP = "turbo_r"  # near is warm, far is cold
HEAT_COLORMAP = "viridis"
INVALID_COLOUR = (0, 0, 0)
_GOLDEN_RATIO = 0.618034  # its multiples differ as much as possible, so neighbouring numbers get different shades


def paint_classes(
    labels: np.ndarray,
    palette: np.ndarray | Sequence[Sequence[int]],
    void_index: int = VOID,
    void_colour: Sequence[int] = VOID_COLOUR,
) -> np.ndarray:
    """Paint class ids in the colours of a palette.

    Args:
        labels: Integers, (H, W) or (1, H, W).
        palette: RGB colours (n, 3); class i has colour i.
        void_index: The id of void pixels.
        void_colour: The colour of void pixels.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: The palette has no colour for an id.
    """
    labels = _two_dimensional(labels, "class map").astype(np.int64)
    palette = np.asarray(palette, dtype=np.uint8).reshape(-1, 3)
    void = labels == void_index
    unknown = np.unique(labels[~void & ((labels < 0) | (labels >= len(palette)))])
    if unknown.size:
        raise ValueError(
            f"The class map holds the ids {unknown[:8].tolist()}, but the palette only has colours for 0 to "
            f"{len(palette) - 1} (void is {void_index}). Add one colour per class to the dataset's METAINFO['palette']."
        )
    rgb = np.vstack([palette, [void_colour]]).astype(np.uint8)
    return rgb[np.where(void, len(palette), labels)]


def paint_panoptic(ids: np.ndarray, palette: np.ndarray | Sequence[Sequence[int]]) -> np.ndarray:
    """Paint segments: each instance in a shade of its class's colour, stuff in the colour itself, with dark outlines.

    Args:
        ids: Ids of segments, integers (H, W); see `functional.panoptic.join_segments`.
        palette: RGB colours (n, 3) of the classes.

    Returns:
        uint8 (H, W, 3).
    """
    palette = np.asarray(palette, np.float64).reshape(-1, 3)
    segments, index = np.unique(ids, return_inverse=True)
    colours = np.empty((len(segments), 3))
    for n, segment in enumerate(segments):
        colour, number = palette[segment // INSTANCES_PER_CLASS], segment % INSTANCES_PER_CLASS
        shade = 2 * (number * _GOLDEN_RATIO % 1) - 1 if number else 0.0  # -1 to 1
        colours[n] = colour * (1 + 0.4 * shade) if shade < 0 else colour + (255 - colour) * 0.5 * shade
        if segment == PANOPTIC_VOID:
            colours[n] = VOID_COLOUR
    picture = colours.round().astype(np.uint8)[index.reshape(ids.shape)]
    outline = np.zeros(ids.shape, bool)
    outline[:-1] |= ids[:-1] != ids[1:]
    outline[:, :-1] |= ids[:, :-1] != ids[:, 1:]
    picture[outline] //= 3
    return picture


def paint_depth(
    depth: np.ndarray, min_depth: float, max_depth: float, colormap: str = DEPTH_COLORMAP, log: bool = False
) -> np.ndarray:
    """Paint depth along a matplotlib colormap.

    Args:
        depth: (H, W) or (1, H, W), metres. Pixels without a reading (0, negative, NaN or infinite) become black.
        min_depth: Depth of the first colour, metres; smaller values are clipped.
        max_depth: Depth of the last colour, metres; larger values are clipped.
        colormap: Name of a matplotlib colormap.
        log: Whether the colours follow the logarithm of the depth; then `min_depth` must be above 0.

    Returns:
        uint8 (H, W, 3).
    """
    depth = _two_dimensional(depth, "depth map")
    rgb = _along_colormap(depth, ColourScale(min_depth, max_depth, log), colormap)
    rgb[~valid_depth(depth)] = INVALID_COLOUR
    return rgb


def paint_sparse_depth(
    depth: np.ndarray, min_depth: float, max_depth: float, colormap: str = DEPTH_COLORMAP, log: bool = False
) -> np.ndarray:
    """Paint each reading of a sparse depth map as a disc; see `enlarge_readings`.

    Args:
        depth: (H, W) or (1, H, W), metres.
        min_depth: See `paint_depth`.
        max_depth: See `paint_depth`.
        colormap: See `paint_depth`.
        log: See `paint_depth`.

    Returns:
        uint8 (H, W, 4): red, green, blue and opacity, which is 255 in the discs and 0 elsewhere.
    """
    depth = _two_dimensional(depth, "depth map")
    discs = enlarge_readings(depth, valid_depth(depth))
    opacity = np.where(discs > 0, 255, 0).astype(np.uint8)
    return np.dstack([paint_depth(discs, min_depth, max_depth, colormap, log), opacity])


def paint_normals(normals: np.ndarray) -> np.ndarray:
    """Paint unit normals as (x, -y, -z) / 2 + 1 / 2: right is red, up is green, towards the camera is blue.

    Args:
        normals: (3, H, W) in the camera frame: x right, y down, z forward. (0, 0, 0) and non-finite vectors become
            black.

    Returns:
        uint8 (H, W, 3).
    """
    normals = np.asarray(normals, dtype=np.float32)
    if normals.ndim != 3 or normals.shape[0] != 3:
        raise ValueError(f"Normals must be (3, H, W), but their shape is {normals.shape}.")
    rgb = normals.transpose(1, 2, 0) * np.array([1, -1, -1], np.float32)
    invalid = ~np.isfinite(rgb).all(-1) | (rgb == 0).all(-1)
    rgb = np.rint((np.nan_to_num(rgb).clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    rgb[invalid] = INVALID_COLOUR
    return rgb


def paint_generic(
    values: np.ndarray, low: float | None = None, high: float | None = None, colormap: str = HEAT_COLORMAP
) -> np.ndarray:
    """Paint any map of one channel with a heat colormap.

    Args:
        values: (H, W) or (1, H, W). Non-finite pixels become black.
        low: Value of the first colour; by default the smallest value.
        high: Value of the last colour; by default the largest value.
        colormap: Name of a matplotlib colormap.

    Returns:
        uint8 (H, W, 3).
    """
    values = _two_dimensional(values, "map").astype(np.float32)
    finite = values[np.isfinite(values)]
    low = float(finite.min()) if low is None and finite.size else low or 0.0
    high = float(finite.max()) if high is None and finite.size else low + 1.0 if high is None else high
    rgb = _along_colormap(values, ColourScale(low, high), colormap)
    rgb[~np.isfinite(values)] = INVALID_COLOUR
    return rgb


def valid_depth(depth: np.ndarray) -> np.ndarray:
    """Pixels that have a depth reading: finite and above 0."""
    return np.isfinite(depth) & (depth > 0)


def colormap_table(name: str) -> np.ndarray:
    """A matplotlib colormap as 256 colours, uint8 (256, 3)."""
    import matplotlib

    if name not in matplotlib.colormaps:
        raise ValueError(f"matplotlib has no colormap {name!r}. Try 'turbo_r', 'magma_r' or 'viridis'.")
    return matplotlib.colormaps[name](np.linspace(0, 1, 256), bytes=True)[:, :3]


def look_up(table: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Colours `table[index]`, uint8 (H, W, 3), of a table (256, 3); much faster than numpy's indexing."""
    picture = Image.fromarray(np.ascontiguousarray(index, np.uint8), "L")
    picture.putpalette(table.tobytes())
    return np.asarray(picture.convert("RGB"))


def _along_colormap(values: np.ndarray, scale: ColourScale, colormap: str) -> np.ndarray:
    return look_up(colormap_table(colormap), np.rint(scale.place(values) * 255)).copy()


def _two_dimensional(values: np.ndarray, what: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2:
        raise ValueError(f"A {what} must be (H, W) or (1, H, W), but its shape is {values.shape}.")
    return values
