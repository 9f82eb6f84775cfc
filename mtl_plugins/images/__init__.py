"""Reading image files that may be damaged, hostile, of any format or turned by their EXIF orientation."""

from .decode import StoredImage, decode_image_file, read_stored_image
from .formats import IMAGE_SUFFIXES
from .pixel_limit import MAX_PIXELS_VARIABLE, check_pixels, max_pixels
from .turn import inverse_orientation, turn, turned_size

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS_VARIABLE",
    "StoredImage",
    "check_pixels",
    "decode_image_file",
    "inverse_orientation",
    "max_pixels",
    "read_stored_image",
    "turn",
    "turned_size",
]
