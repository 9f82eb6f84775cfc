"""Colours for classes that have no colours of their own."""

import numpy as np

VOID_COLOUR = (176, 176, 176)  # a grey that `make_palette` never returns

# sRGB (linear light) to OKLab, Björn Ottosson, "A perceptual color space for image processing", 2020.
_RGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_MAX_COLOURS = 1000


def make_palette(n: int) -> np.ndarray:
    """Choose `n` clearly different colours; the result is the same on every machine.

    Greedy farthest-point selection in OKLab from colours that are not too dark, too bright, grey or glaring. A shorter
    palette is the beginning of a longer one.

    Args:
        n: Number of colours, 0 to 1000.

    Returns:
        uint8 (n, 3), RGB.
    """
    if not 0 <= n <= _MAX_COLOURS:
        raise ValueError(f"make_palette supports 0 to {_MAX_COLOURS} colours, but n={n}.")
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    lab = _oklab(rgb)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    usable = (lab[:, 0] > 0.45) & (lab[:, 0] < 0.92) & (chroma > 0.05) & (chroma < 0.18)
    rgb, lab = rgb[usable], lab[usable]
    chosen = np.empty(n, dtype=np.int64)
    distance = np.linalg.norm(lab - _oklab(np.array([VOID_COLOUR], dtype=np.uint8)), axis=1)
    for i in range(n):
        chosen[i] = distance.argmax()
        distance = np.minimum(distance, np.linalg.norm(lab - lab[chosen[i]], axis=1))
    return rgb[chosen]


def _oklab(rgb: np.ndarray) -> np.ndarray:
    """Convert uint8 sRGB (n, 3) to OKLab (n, 3)."""
    value = rgb / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _RGB_TO_LMS.T) @ _LMS_TO_LAB.T
