from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor
from torchvision import tv_tensors

from mtl_plugins.datasets import Pipeline
from mtl_plugins.datasets.readers import read_image

from .init_model import init_model

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")
_PLAIN_PIPELINE = [dict(type="PackSample")]


class MultiTaskInferencer:
    """Predicts every task of a trained network for images of any size.

    Args:
        config: Config file, preset name or Config; its ``predict_pipeline`` (by default none) prepares the images.
        checkpoint: Trained weights; ``None``: start values.
        device: ``None``: a GPU where there is one.
        cfg_options: Options to merge into the config.

    A call takes one image or a sequence of them: path, uint8 array (H, W, 3) RGB, or uint8 tensor (3, H, W) RGB. It
    gives one dict, or a list, of numpy maps at the image's own size: ``semseg`` (H, W) class ids, ``depth`` (H, W)
    metres, ``normals`` (3, H, W) unit vectors; a map of one channel is (H, W), others are (C, H, W).
    """

    def __init__(
        self,
        config: str | Path | Config,
        checkpoint: str | Path | None = None,
        device: str | torch.device | None = None,
        cfg_options: dict | None = None,
    ):
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.model = init_model(config, checkpoint, device, cfg_options)
        pipeline = self.model.cfg.get("predict_pipeline") or _PLAIN_PIPELINE
        self.pipeline = Pipeline(pipeline)

    @property
    def dataset_meta(self) -> dict:
        return self.model.dataset_meta

    def __call__(self, inputs, batch_size: int = 1) -> dict[str, np.ndarray] | list[dict[str, np.ndarray]]:
        single = not isinstance(inputs, Sequence) or isinstance(inputs, str | Path)
        answers = [_to_numpy(sample.pred) for _, sample in self.stream([inputs] if single else inputs, batch_size)]
        return answers[0] if single else answers

    @torch.inference_mode()
    def stream(self, inputs, batch_size: int = 1) -> Iterator[tuple]:
        """Yields ``(image, data_sample)``: the uint8 image (3, H, W) as it was read, the sample with ``.pred``."""
        images = iter(inputs)
        while batch := [_read(image) for image in islice(images, batch_size)]:
            packed = [self.pipeline({"img": image, "meta": {"img_path": path}}) for image, path in batch]
            data = {key: [sample[key] for sample in packed] for key in ("inputs", "data_samples")}
            samples = self.model.val_step(data)
            yield from zip((image for image, _ in batch), samples, strict=True)


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
            raise FileNotFoundError(
                f"{source} names no image: give image files ({', '.join(IMAGE_SUFFIXES)}), a folder, or a quoted glob."
            )
        found.update(dict.fromkeys(files))
    return list(found)


def _read(image):
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


def _to_numpy(pred):
    maps = {task: value.cpu().numpy() for task, value in pred.items()}
    return {task: value[0] if value.shape[0] == 1 else value for task, value in maps.items()}
