"""What metrics were measured with and on, so that a release cannot get the metrics of another network."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch import Tensor

from mtl_plugins.engine import extract_state_dict, read_checkpoint

from .config import innermost_datasets

RECORD_KEY = "measured"
"""Key of the record in the file that `mtl test --out` writes."""

TRAINING_ONLY = ("hint", "balancer", "init_cfg")
"""Parts of a model that predictions do not need."""


def evaluation_record(
    cfg: Config, checkpoint: str | Path, metrics: Iterable[Any], backend: str | None = None, tta: bool = False
) -> dict[str, Any]:
    """The record of an evaluation: weights, data and number of images, as plain data.

    Args:
        cfg: The config.
        checkpoint: The evaluated weights.
        metrics: The metric objects after the evaluation.
        backend: The exported file that computed the network in place of the checkpoint.
        tta: Whether test-time augmentation was used.
    """
    record: dict[str, Any] = dict(
        weights=weights_digest(extract_state_dict(read_checkpoint(checkpoint))),
        data=describe_data(cfg),
        images={metric.prefix: metric.images for metric in metrics if getattr(metric, "images", 0)},
    )
    if backend:
        record["backend"] = Path(backend).name
    if tta:
        record["tta"] = True
    return record


def weights_digest(state: Mapping[str, Any]) -> str:
    """SHA-256 of the weights that predictions use, independent of their order and of the file format.

    Values count as float32, so a float16 file has the same digest as the float32 model that it is loaded into.

    Args:
        state: A state dict.
    """
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        # old files do not have the counters, which predictions do not use
        counter = name.endswith("num_batches_tracked")
        if name.partition(".")[0] in TRAINING_ONLY or counter or not isinstance(value, Tensor):
            continue
        exact = value.detach().cpu()
        exact = exact.float() if exact.is_floating_point() else exact
        digest.update(f"{name} {exact.dtype} {tuple(exact.shape)}\n".encode())
        digest.update(exact.contiguous().numpy().tobytes())
    return digest.hexdigest()


def describe_data(cfg: Config) -> str:
    """The data of the evaluation, such as `SynthRooms (val)`, or `SynthRooms (val, first 4)` with `limit=4`."""
    loader = cfg.get("test_dataloader") or cfg.get("val_dataloader")
    if not loader:
        return ""
    found = [_describe_dataset(data) for data in innermost_datasets(loader.dataset) if data.get("type")]
    return ", ".join(dict.fromkeys(found))


def _describe_dataset(data: Mapping[str, Any]) -> str:
    split, limit = data.get("split"), data.get("limit")
    details = [str(split)] if split else []
    if limit is not None:
        details.append(f"first {limit}")
    return f"{data['type']} ({', '.join(details)})" if details else str(data["type"])
