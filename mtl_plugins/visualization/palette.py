import numpy as np

VOID_INDEX = 255
VOID_COLOUR = (176, 176, 176)  # a grey that no palette made here holds

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


def make_palette(n):
    """``n`` colours that are told apart easily, the same on every machine.

    Greedy farthest-point choice in OKLab among colours that are neither near black, near white, grey nor
    glaring, so a shorter palette is the beginning of a longer one. Returns uint8 (n, 3), RGB. ``n`` is at
    most 1000.
    """
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    lab = _oklab(rgb)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    usable = (lab[:, 0] > 0.45) & (lab[:, 0] < 0.92) & (chroma > 0.05) & (chroma < 0.18)
    rgb, lab = rgb[usable], lab[usable]
    if not 0 <= n <= 1000:
        raise ValueError(f"make_palette can give 0 to 1000 colours, but {n} were asked for")
    chosen = np.empty(n, dtype=np.int64)
    distance = np.linalg.norm(lab - _oklab(np.array([VOID_COLOUR], dtype=np.uint8)), axis=1)
    for i in range(n):
        chosen[i] = distance.argmax()
        distance = np.minimum(distance, np.linalg.norm(lab - lab[chosen[i]], axis=1))
    return rgb[chosen]


def _oklab(rgb):
    """uint8 sRGB (n, 3) to OKLab (n, 3)."""
    value = rgb / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _RGB_TO_LMS.T) @ _LMS_TO_LAB.T
