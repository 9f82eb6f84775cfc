"""The inputs of the inferencer: image files, folders, globs, arrays and tensors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from mtl_plugins.datasets.readers import read_image
from mtl_plugins.images import IMAGE_SUFFIXES

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ts")


def is_video(source: Any) -> bool:
    """Whether `source` is a camera (`0`, `'1'`), a stream (`'rtsp://...'`) or a file with the suffix of a video."""
    text = str(source)
    camera = text.isdecimal() and not Path(text).exists()
    return camera or "://" in text or Path(text).suffix.lower() in VIDEO_SUFFIXES


def is_many(source: Any) -> bool:
    """Whether `source` stands for several images: a folder, or a glob pattern that is not a file."""
    if not isinstance(source, str | Path):
        return False
    path = Path(source).expanduser()
    return path.is_dir() or (any(sign in str(source) for sign in "*?[") and not path.is_file())


def list_images(sources: Sequence[str | Path]) -> list[Path]:
    """Image files from paths, folders (searched recursively) and globs, sorted and without duplicates.

    Raises:
        FileNotFoundError: A source contains no image.
    """
    found: dict[Path, None] = {}
    for source in sources:
        path = Path(source).expanduser()
        if path.is_file():
            files = [path]
        elif path.is_dir():
            files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in IMAGE_SUFFIXES]
        else:
            anchor = Path(path.anchor or ".")
            pattern = str(path.relative_to(path.anchor)) if path.anchor else str(path)
            files = [file for file in sorted(anchor.glob(pattern)) if file.suffix.lower() in IMAGE_SUFFIXES]
        if not files:
            what = "contains no image" if is_many(source) else "does not exist"
            raise FileNotFoundError(
                f"{source} {what}: pass image files ({', '.join(IMAGE_SUFFIXES)}), a folder, or a quoted glob."
            )
        found.update(dict.fromkeys(files))
    return list(found)


def read_source(image: Any) -> tuple[tv_tensors.Image, str]:
    """Read one image; a file is turned as its EXIF orientation demands, an array or a tensor is not.

    Args:
        image: A path, a uint8 RGB array (H, W, 3), a grey array (H, W), or a uint8 RGB tensor (3, H, W).

    Returns:
        The uint8 image (3, H, W), and its path or `''`.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file, array or tensor is not an image.
    """
    if isinstance(image, str | Path):
        return tv_tensors.Image(read_image(image)), str(image)
    if isinstance(image, np.ndarray):
        if image.ndim == 2:
            image = np.repeat(image[..., None], 3, axis=2)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"an image array must be uint8 RGB (H, W, 3); given: {image.dtype} {tuple(image.shape)}.")
        image = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
    elif not isinstance(image, Tensor) or image.ndim != 3 or image.shape[0] != 3 or image.dtype != torch.uint8:
        given = f"{image.dtype} {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(
            f"an image must be a path, a uint8 RGB array (H, W, 3) or a uint8 RGB tensor (3, H, W); given: {given}."
        )
    return tv_tensors.Image(image), ""
