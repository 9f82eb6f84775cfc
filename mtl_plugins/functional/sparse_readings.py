"""Sparse maps, such as the depth of single laser scans: each reading is drawn as a disc over the darkened image."""

import numpy as np
from PIL import Image

#: A map with a smaller share of valid pixels is sparse. Single laser scans have about 4 %, KITTI's improved ground
#: truth about 16 %, depth cameras more than 60 %.
SPARSE_BELOW = 0.3
_SIDE_PER_RADIUS = 600  # pixels of a map's longer side per pixel of the discs' radius
_EXTRA_RADIUS = 0.25  # so that maps of more than 150 pixels have discs of at least 3 x 3; panels enlarge smaller ones
_BRIGHTNESS = 0.5  # of the darkened image


def is_sparse(valid: np.ndarray) -> bool:
    """Whether a map with these valid pixels (bool) is sparse; a map without valid pixels is not."""
    return 0 < int(np.count_nonzero(valid)) < SPARSE_BELOW * valid.size


def enlarge_readings(depth: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Spread each reading over a disc; where discs overlap, the nearest reading counts.

    The diameter of the discs follows the size of the map, so that they are visible in a picture of any size.

    Args:
        depth: Metres, (H, W).
        valid: The pixels that have a reading, bool (H, W).

    Returns:
        float32 (H, W), metres; 0 outside the discs.
    """
    import cv2

    radius = round(max(depth.shape) / _SIDE_PER_RADIUS + _EXTRA_RADIUS)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (x**2 + y**2 <= (radius + 0.5) ** 2).astype(np.uint8)
    padded = np.where(valid, depth, np.inf).astype(np.float32)
    nearest = cv2.erode(padded, disc, borderType=cv2.BORDER_CONSTANT, borderValue=float("inf"))  # the smallest value
    return np.where(np.isfinite(nearest), nearest, 0)


def darken(image: Image.Image) -> Image.Image:
    """An RGB image in dark grey, as a background for coloured readings."""
    return image.convert("L").point([round(value * _BRIGHTNESS) for value in range(256)]).convert("RGB")


def place_over(image: Image.Image, picture: np.ndarray) -> Image.Image:
    """Place a picture over an image of any size.

    Args:
        image: RGB.
        picture: uint8 (H, W, 3) or (H, W, 4); it is resized to the image without mixing its colours.

    Returns:
        RGB, of the size of `image`: the picture; where its fourth channel, the opacity, is 0, the darkened image.
    """
    # nearest, because a mixture of two class colours would be the colour of a third class
    resized = Image.fromarray(picture)
    if resized.size != image.size:
        resized = resized.resize(image.size, Image.Resampling.NEAREST)
    if resized.mode != "RGBA":
        return resized
    result = darken(image)
    result.paste(resized.convert("RGB"), mask=resized.getchannel("A"))
    return result
