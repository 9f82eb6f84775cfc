"""Reading and augmenting as written by hand with PIL and NumPy: the baseline for our data pipeline."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from mtl_plugins.datasets import SampleFiles

# The image and the labels by name: (kind of the map, values of shape (H, W) or (H, W, C)).
_Maps = dict[str, tuple[str, np.ndarray]]
_MEAN, _STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
_FILL = dict(img=0, classes=255, depth=0, normals=0)
_MODE = dict(img=Image.Resampling.BILINEAR)


def pil_pipeline(
    samples: Sequence[SampleFiles], labels: dict[str, dict], pipeline: Sequence[dict]
) -> Callable[[int, np.random.Generator], dict[str, Tensor]]:
    """Make a function that reads and augments a sample with PIL and NumPy.

    Args:
        samples: The files of a `MultiTaskDataset`.
        labels: Its labels.
        pipeline: Configs of transforms. RandomZoom, RandomCrop, RandomHorizontalFlip, Resize and PackSample are
            supported.

    Returns:
        A function of (index, rng) that returns the sample as tensors; the image is float32 and normalised.

    Raises:
        NotImplementedError: Another transform, or a reader without a counterpart here.
    """
    steps = [_step(transform) for transform in pipeline if transform["type"] != "PackSample"]
    readers = {task: label["reader"] for task, label in labels.items()}
    unknown = [reader for reader in readers.values() if reader not in _FILL]
    if unknown:
        raise NotImplementedError(f"the PIL pipeline does not support the reader {unknown[0]!r}")

    def read(index: int, rng: np.random.Generator) -> dict[str, Tensor]:
        files = samples[index]
        maps = {"img": ("img", np.array(ImageOps.exif_transpose(Image.open(files.img)).convert("RGB")))}
        for task, path in files.labels.items():
            values = np.array(Image.open(path))
            if readers[task] == "depth":
                values = values.astype(np.float32) / labels[task]["scale"]
            elif readers[task] == "normals":
                x, z, up = np.moveaxis(values.astype(np.float32) / 127.5 - 1, 2, 0)
                values = np.stack([x, -up, z], 2)
                values /= np.maximum(np.linalg.norm(values, axis=2, keepdims=True), 1e-6)
            maps[task] = (readers[task], values)
        for step in steps:
            maps = step(maps, rng)
        _, image = maps.pop("img")
        image = (image.astype(np.float32) / 255 - _MEAN) / _STD
        sample = {"img": torch.from_numpy(image.transpose(2, 0, 1).copy())}
        for task, (kind, values) in maps.items():
            values = values.transpose(2, 0, 1) if values.ndim == 3 else values
            tensor = torch.from_numpy(values.copy())
            sample[task] = tensor.long() if kind == "classes" else tensor
        return sample

    return read


def _step(transform: dict) -> Callable[[_Maps, np.random.Generator], _Maps]:
    options = {key: value for key, value in transform.items() if key != "type"}
    steps: dict[str, Callable[..., _Maps]] = dict(
        RandomZoom=_zoom, RandomCrop=_crop, RandomHorizontalFlip=_mirror, RandomMirror=_mirror, Resize=_resize
    )
    if transform["type"] not in steps:
        raise NotImplementedError(f"the PIL pipeline does not support the transform {transform['type']}")
    return lambda maps, rng: steps[transform["type"]](maps, rng, **options)


def _resized(kind: str, values: np.ndarray, size: Sequence[int]) -> np.ndarray:
    height, width = size
    channels = values[..., None] if values.ndim == 2 else values
    mode = _MODE.get(kind, Image.Resampling.NEAREST)
    if kind in ("img", "classes"):
        return np.array(Image.fromarray(values).resize((width, height), mode))
    planes = [np.array(Image.fromarray(plane).resize((width, height), mode)) for plane in np.moveaxis(channels, 2, 0)]
    return planes[0] if values.ndim == 2 else np.stack(planes, 2)


def _zoom(maps: _Maps, rng: np.random.Generator, scale: tuple[float, float] = (0.8, 2.0), p: float = 0.5) -> _Maps:
    if rng.random() >= p:
        return maps
    factor, zoomed = rng.uniform(*scale), {}
    for task, (kind, values) in maps.items():
        values = _resized(kind, values, [round(n * factor) for n in values.shape[:2]])
        if kind == "depth":
            values = values / np.float32(factor)
        elif kind == "normals":
            values = values * np.array([1, 1, factor], np.float32)
            values /= np.maximum(np.linalg.norm(values, axis=2, keepdims=True), 1e-6)
        zoomed[task] = (kind, values)
    return zoomed


def _crop(maps: _Maps, rng: np.random.Generator, size: int | tuple[int, int], fill: object = None) -> _Maps:
    height, width = (size, size) if isinstance(size, int) else size
    have = maps["img"][1].shape[:2]
    pad = [(0, max(0, want - n)) for want, n in zip((height, width), have, strict=True)]
    top = rng.integers(have[0] + pad[0][1] - height + 1)
    left = rng.integers(have[1] + pad[1][1] - width + 1)
    cropped = {}
    for task, (kind, values) in maps.items():
        if any(after for _, after in pad):
            values = np.pad(values, [*pad, (0, 0)][: values.ndim], constant_values=_FILL[kind])
        cropped[task] = (kind, values[top : top + height, left : left + width])
    return cropped


def _mirror(maps: _Maps, rng: np.random.Generator, p: float = 0.5) -> _Maps:
    if rng.random() >= p:
        return maps
    turn = np.array([-1, 1, 1], np.float32)
    mirrored = {task: (kind, values[:, ::-1]) for task, (kind, values) in maps.items()}
    return {task: (kind, values * turn if kind == "normals" else values) for task, (kind, values) in mirrored.items()}


def _resize(maps: _Maps, rng: np.random.Generator, size: tuple[int, int]) -> _Maps:
    return {task: (kind, _resized(kind, values, size)) for task, (kind, values) in maps.items()}
