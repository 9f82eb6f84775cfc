"""Reading image files that may be damaged, hostile, of any format or turned by their EXIF orientation."""

from .decode import StoredImage, decode_image_file, read_stored_image
from .formats import IMAGE_SUFFIXES
from .turn import inverse_orientation, turn, turned_size

__all__ = [
    "IMAGE_SUFFIXES",
    "StoredImage",
    "decode_image_file",
    "inverse_orientation",
    "read_stored_image",
    "turn",
    "turned_size",
]
