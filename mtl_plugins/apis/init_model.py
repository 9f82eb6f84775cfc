import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger, print_log
from mmengine.registry import init_default_scope

from mtl_plugins.datasets import combine_metainfo
from mtl_plugins.engine import (
    check_meta,
    check_normalisation,
    extract_state_dict,
    read_checkpoint,
    require_same_model,
    safe_loaders,
)
from mtl_plugins.kernels import warm_up
from mtl_plugins.label_spaces import label_space
from mtl_plugins.models import MultiTaskModel
from mtl_plugins.registry import DATASETS, MODELS, SCOPE
from mtl_plugins.releases import Release, build_network, find_release, is_release, open_release

from .config import drop_pretrained, load_config


def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device = "cpu",
    cfg_options: dict | None = None,
) -> MultiTaskModel:
    """Build the model of a config in evaluation mode and load a checkpoint.

    `model(inputs, mode='tensor')` takes normalised float images (N, 3, H, W) and returns raw outputs by task. The model
    has the attributes `cfg` and `dataset_meta` (classes, palette).

    Args:
        config: Config file, preset name or `Config`; or the name or the folder of a release, which has trained weights.
        checkpoint: Trained weights, or a release; without them the model of a preset has its initial weights. Those of
            `pretrained=True` are downloaded. If that is impossible, a warning is logged and the backbone has random
            weights.
        device: Device of the model.
        cfg_options: Options to merge into the config.

    Raises:
        FileNotFoundError: The config or the checkpoint does not exist.
        ValueError: The checkpoint belongs to another model (the message names the keys) or is not a plain checkpoint,
            or the device does not exist.
    """
    cfg, device = load_config(config, cfg_options), check_device(device)
    init_default_scope(cfg.get("default_scope", SCOPE))
    release = _release_of(cfg, checkpoint)
    meta: dict = {}
    if release is not None:
        drop_pretrained(cfg)
        model = build_network(cfg.model.to_dict(), release.state, release.origin)
        model.load_state_dict(release.state, strict=False)  # `build_network` has compared the keys
        meta = {"dataset_meta": release.description["dataset_meta"]}
    elif checkpoint is None:
        model = MODELS.build(cfg.model)
        with _warnings_only(), safe_loaders():
            try:
                model.init_weights()
            except ConnectionError as error:
                print_log(f"The backbone has random weights: {error}", "current", logging.WARNING)
    else:
        drop_pretrained(cfg)
        model = MODELS.build(cfg.model)
        content = read_checkpoint(checkpoint)
        require_same_model(model, content, str(checkpoint))
        model.load_state_dict(extract_state_dict(content), strict=False)  # missing counters of batch norm are allowed
        meta = check_meta(content, str(checkpoint))
        check_normalisation(model, content, str(checkpoint))
    model.cfg = cfg
    meta = meta.get("dataset_meta") or _dataset_meta(cfg)
    model.dataset_meta = combine_metainfo(meta["datasets"]) if meta.get("datasets") else meta
    if torch.device(device).type == "cpu":
        warm_up()
    return model.to(device).eval()


def _release_of(cfg: Config, checkpoint: str | Path | None) -> Release | None:
    """The release whose weights the model gets: that of the checkpoint, or else that of the config."""
    if checkpoint is None:
        return open_release(cfg.release) if cfg.get("release") else None
    path = Path(checkpoint)
    return open_release(find_release(path)) if not path.is_file() and is_release(checkpoint) else None


@contextlib.contextmanager
def _warnings_only() -> Iterator[None]:
    """Hide mmengine's messages about the initial value of every parameter, which belong in a training log."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def check_device(device: str | torch.device) -> torch.device:
    """The device of a name.

    Raises:
        ValueError: The name is unknown, or this machine does not have the GPU.
    """
    try:
        device = torch.device(device)
    except RuntimeError:
        raise ValueError(
            f"device={device!r} is unknown: use 'cpu', 'cuda', 'cuda:1' (the second GPU) or 'mps'."
        ) from None
    if device.type == "cuda" and not (torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()):
        found = torch.cuda.device_count() if torch.cuda.is_available() else 0
        raise ValueError(f"device={str(device)!r}: this machine has {found} usable GPUs. Use 'cpu'.")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"device={str(device)!r}: this machine has no usable Apple GPU. Use 'cpu'.")
    return device


def _dataset_meta(cfg):
    for name in ("test_dataloader", "val_dataloader", "train_dataloader"):
        if cfg.get(name):
            return _meta_of(cfg[name].dataset)
    return label_space(cfg.label_space).metainfo if cfg.get("label_space") else {}  # without a dataset


def _meta_of(dataset):
    """The metainfo of a dataset of this config; its files are not needed."""
    if isinstance(dataset.get("datasets"), dict):
        return combine_metainfo({name: _meta_of(part) for name, part in dataset["datasets"].items()})
    if "dataset" in dataset:  # a wrapper such as RepeatDataset
        return _meta_of(dataset["dataset"])
    meta = dict(getattr(DATASETS.get(dataset["type"]), "METAINFO", {}))
    if dataset.get("tasks") is not None:
        rename = dataset.get("rename") or {}
        meta["tasks"] = tuple(rename.get(task, task) for task in dataset["tasks"])
    if "label_space" in dataset:
        meta |= label_space(dataset["label_space"]).metainfo
    return meta | dict(dataset.get("metainfo") or {})
