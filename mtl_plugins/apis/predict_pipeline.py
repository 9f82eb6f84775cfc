from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from torch import Tensor

from mtl_plugins.datasets import Pipeline
from mtl_plugins.datasets.readers import read_image

from .sources import list_images

_PLAIN = [dict(type="PackSample")]
_DEFAULT_SIZE = (480, 640)


def build_predict_pipeline(cfg: Config) -> Pipeline:
    """What prepares an image for the network: the config's ``predict_pipeline``, by default nothing but packing."""
    return Pipeline(cfg.get("predict_pipeline") or _PLAIN)


def read_prepared(cfg: Config, sources: Sequence[str | Path]) -> list[Tensor]:
    """uint8 images (3, H, W), RGB, as the network is given them: of files, folders and globs."""
    pipeline = build_predict_pipeline(cfg)
    return [pipeline({"img": read_image(path), "meta": {}})["inputs"] for path in list_images(sources)]


def input_size(cfg: Config) -> tuple[int, int]:
    """(H, W) that the pipeline brings an image to; 480 x 640 where it leaves its size."""
    return prepared_size(cfg) or _DEFAULT_SIZE


def prepared_size(cfg: Config) -> tuple[int, int] | None:
    """(H, W) that the pipeline brings an image to; ``None`` where it leaves its size."""
    for transform in reversed(cfg.get("predict_pipeline") or []):
        if size := transform.get("size"):
            return (size, size) if isinstance(size, int) else tuple(size)
    return None
