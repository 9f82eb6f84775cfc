"""What a user may hand in: image files, folders, globs, arrays, tensors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from mtl_plugins.datasets.readers import read_image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ts")


def is_video(source) -> bool:
    """Whether it is a camera (``0``, ``'1'``), a stream (``'rtsp://...'``) or a file with a video's suffix."""
    text = str(source)
    camera = text.isdecimal() and not Path(text).exists()
    return camera or "://" in text or Path(text).suffix.lower() in VIDEO_SUFFIXES


def is_many(source) -> bool:
    """Whether it names several images: a folder, or a glob that is no file."""
    if not isinstance(source, str | Path):
        return False
    path = Path(source).expanduser()
    return path.is_dir() or (any(sign in str(source) for sign in "*?[") and not path.is_file())


def list_images(sources: Sequence[str | Path]) -> list[Path]:
    """Image files named by paths, folders (searched below) and globs, sorted, each once.

    Raises:
        FileNotFoundError: a source that names no image.
    """
    found = {}
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
            what = "names no image" if is_many(source) else "is no file or folder"
            raise FileNotFoundError(
                f"{source} {what}: give image files ({', '.join(IMAGE_SUFFIXES)}), a folder, or a quoted glob."
            )
        found.update(dict.fromkeys(files))
    return list(found)


def read_source(image) -> tuple[tv_tensors.Image, str]:
    """``(uint8 image (3, H, W), its path or '')`` of a path, an array (H, W[, 3]) or a tensor (3, H, W), RGB.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is no image; or the array is none.
    """
    if isinstance(image, str | Path):
        return tv_tensors.Image(read_image(image)), str(image)
    if isinstance(image, np.ndarray):
        if image.ndim == 2:
            image = np.repeat(image[..., None], 3, axis=2)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"an image as an array is uint8 (H, W, 3), RGB; given: {image.dtype} {tuple(image.shape)}."
            )
        image = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
    elif not isinstance(image, Tensor) or image.ndim != 3 or image.shape[0] != 3 or image.dtype != torch.uint8:
        given = f"{image.dtype} {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(
            f"an image is a path, a uint8 array (H, W, 3) or a uint8 tensor (3, H, W), RGB; given: {given}."
        )
    return tv_tensors.Image(image), ""
