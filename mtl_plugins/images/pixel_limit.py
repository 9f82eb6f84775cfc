import os

from .image_problem import ImageProblem, damaged

#: The environment variable that sets the largest number of pixels of an image.
MAX_PIXELS_VARIABLE = "MTL_MAX_IMAGE_PIXELS"
_DEFAULT_MAX_PIXELS = 2**27  # more than any phone takes; 400 MB as RGB


def max_pixels() -> int:
    """The largest number of pixels that an image may have: `MTL_MAX_IMAGE_PIXELS`, or else 134,217,728.

    Raises:
        ValueError: The environment variable is not a positive integer.
    """
    text = os.environ.get(MAX_PIXELS_VARIABLE, "").strip()
    if not text:
        return _DEFAULT_MAX_PIXELS
    if not text.isdecimal() or not int(text):
        raise ValueError(f"{MAX_PIXELS_VARIABLE}={text!r} must be a number of pixels, such as {_DEFAULT_MAX_PIXELS}.")
    return int(text)


def check_pixels(width: int, height: int) -> None:
    """Refuse an image that is too large, before anything is allocated for it.

    Args:
        width: Width that the header of the file states.
        height: Height, likewise.

    Raises:
        ImageProblem: The image is empty or has more than `max_pixels()` pixels.
    """
    if width < 1 or height < 1:
        raise damaged(f"its header states {width}×{height} pixels")
    limit = max_pixels()
    if width * height > limit:
        raise ImageProblem(
            f"its header states {width:,}×{height:,} pixels, but at most {limit:,} pixels are allowed",
            f"If the file is right, raise the limit with the environment variable {MAX_PIXELS_VARIABLE}="
            f"{width * height}.",
        )
