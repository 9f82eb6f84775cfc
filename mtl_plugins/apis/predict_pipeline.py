from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from torch import Tensor

from mtl_plugins.datasets import Pipeline
from mtl_plugins.datasets.readers import read_image

from .sources import list_images

PLAIN_PIPELINE = [dict(type="PackSample")]
"""Of configs without a `predict_pipeline`: images keep their size."""

_DEFAULT_SIZE = (480, 640)


def build_predict_pipeline(cfg: Config) -> Pipeline:
    """The pipeline that prepares an image: the config's `predict_pipeline`, by default only packing."""
    return Pipeline(cfg.get("predict_pipeline") or PLAIN_PIPELINE)


def read_prepared(cfg: Config, sources: Sequence[str | Path]) -> list[Tensor]:
    """Read images from files, folders and globs, and prepare them: uint8 RGB (3, H, W)."""
    pipeline = build_predict_pipeline(cfg)
    return [pipeline({"img": read_image(path), "meta": {}})["inputs"] for path in list_images(sources)]


def input_size(cfg: Config) -> tuple[int, int]:
    """The (H, W) to which the pipeline resizes images; 480 x 640 if it keeps their size."""
    return prepared_size(cfg) or _DEFAULT_SIZE


def prepared_size(cfg: Config) -> tuple[int, int] | None:
    """The (H, W) to which the pipeline resizes images; None if it keeps their size."""
    for transform in reversed(cfg.get("predict_pipeline") or []):
        if size := transform.get("size"):
            return (size, size) if isinstance(size, int) else tuple(size)
    return None


def resizes_only(cfg: Config) -> bool:
    """Whether the pipeline resizes images to a fixed size and crops nothing."""
    names = [str(transform.get("type")) for transform in cfg.get("predict_pipeline") or []]
    return any("Resize" in name for name in names) and not any("Crop" in name for name in names)
