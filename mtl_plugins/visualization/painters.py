"""One pure function for each kind of map: an array in, an RGB picture of the same size out."""

import numpy as np

from .palette import VOID_COLOUR, VOID_INDEX

DEPTH_COLORMAP = "turbo_r"  # near is warm, far is cold
HEAT_COLORMAP = "viridis"
INVALID_COLOUR = (0, 0, 0)


def paint_classes(labels, palette, void_index=VOID_INDEX, void_colour=VOID_COLOUR):
    """Class ids, int (H, W), in the colours of ``palette`` (n, 3); ``void_index`` is painted ``void_colour``.

    Returns uint8 (H, W, 3). Raises ``ValueError`` for a class id that the palette does not have.
    """
    labels = _two_dimensional(labels, "class map").astype(np.int64)
    palette = np.asarray(palette, dtype=np.uint8).reshape(-1, 3)
    void = labels == void_index
    strange = np.unique(labels[~void & ((labels < 0) | (labels >= len(palette)))])
    if strange.size:
        raise ValueError(
            f"the class map holds the ids {strange[:8].tolist()}, but the palette has colours for 0 to "
            f"{len(palette) - 1} only (void is {void_index}); give the dataset's METAINFO a palette with one "
            "colour for each class"
        )
    rgb = np.vstack([palette, [void_colour]]).astype(np.uint8)
    return rgb[np.where(void, len(palette), labels)]


def paint_depth(depth, min_depth, max_depth, colormap=DEPTH_COLORMAP):
    """Depth (H, W) in metres, clipped to ``min_depth`` … ``max_depth``, along a matplotlib colormap.

    A pixel without a reading (0, negative, NaN or infinite) is black. Returns uint8 (H, W, 3).
    """
    depth = _two_dimensional(depth, "depth map")
    rgb = _along_colormap(depth, min_depth, max_depth, colormap)
    rgb[~valid_depth(depth)] = INVALID_COLOUR
    return rgb


def paint_normals(normals):
    """Unit normals (3, H, W), camera frame (x right, y down, z forward), as (x, -y, -z) / 2 + 1 / 2.

    So right is red, up is green, towards the camera is blue. (0, 0, 0) and non-finite vectors are black.
    Returns uint8 (H, W, 3).
    """
    normals = np.asarray(normals, dtype=np.float32)
    if normals.ndim != 3 or normals.shape[0] != 3:
        raise ValueError(f"normals must be (3, H, W), but their shape is {normals.shape}")
    rgb = normals.transpose(1, 2, 0) * np.float32([1, -1, -1])
    invalid = ~np.isfinite(rgb).all(-1) | (rgb == 0).all(-1)
    rgb = np.rint((np.nan_to_num(rgb).clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    rgb[invalid] = INVALID_COLOUR
    return rgb


def paint_generic(values, low=None, high=None, colormap=HEAT_COLORMAP):
    """Any one-channel map (H, W), clipped to ``low`` … ``high`` (default: its own range), as heat.

    Non-finite pixels are black. Returns uint8 (H, W, 3).
    """
    values = _two_dimensional(values, "map").astype(np.float32)
    finite = values[np.isfinite(values)]
    low = float(finite.min()) if low is None and finite.size else low or 0.0
    high = float(finite.max()) if high is None and finite.size else low + 1.0 if high is None else high
    rgb = _along_colormap(values, low, high, colormap)
    rgb[~np.isfinite(values)] = INVALID_COLOUR
    return rgb


def valid_depth(depth):
    """Where depth is a reading: finite and above 0."""
    return np.isfinite(depth) & (depth > 0)


def colormap_table(name):
    """A matplotlib colormap as 256 colours, uint8 (256, 3)."""
    import matplotlib

    if name not in matplotlib.colormaps:
        raise ValueError(f"matplotlib has no colormap {name!r}; try 'turbo_r', 'magma_r' or 'viridis'")
    return matplotlib.colormaps[name](np.linspace(0, 1, 256), bytes=True)[:, :3]


def _along_colormap(values, low, high, colormap):
    if not (np.isfinite(low) and np.isfinite(high) and high >= low):
        raise ValueError(f"the range to paint must be finite and not reversed, but it is {low} to {high}")
    clipped = np.nan_to_num(values.astype(np.float64).clip(low, high), nan=low)
    share = (clipped - low) / max(high - low, 1e-12)
    return colormap_table(colormap)[np.rint(share * 255).astype(np.uint8)]


def _two_dimensional(values, what):
    values = np.asarray(values)
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2:
        raise ValueError(f"a {what} must be (H, W) or (1, H, W), but its shape is {values.shape}")
    return values
