"""The mean and std that images are normalised with: logged, stored in checkpoints, and compared when one is loaded."""

import logging
from typing import Any

from mmengine.logging import print_log
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import nn

from mtl_plugins.unwrap_model import unwrap_model

META_KEY = "normalisation"  # in a checkpoint's `meta`


def normalisation_of(model: nn.Module) -> dict[str, list[float]] | None:
    """`mean` and `std` of RGB in 0 ... 1 that a model normalises images with; None if it does not state them."""
    preprocessor = getattr(unwrap_model(model), "data_preprocessor", None)
    mean, std = (getattr(preprocessor, name, None) for name in ("mean_rgb", "std_rgb"))
    return None if mean is None or std is None else dict(mean=list(mean), std=list(std))


def check_normalisation(model: nn.Module, checkpoint: dict[str, Any], origin: str) -> None:
    """Log a warning if a checkpoint was trained with another normalisation than the model's.

    Checkpoints of versions before 0.2 do not contain it: those versions normalised images with ImageNet's mean and std
    for every backbone, unless the config set others.

    Args:
        model: The model that loads the checkpoint.
        checkpoint: The content of the checkpoint.
        origin: Its name in the message.
    """
    own, meta = normalisation_of(model), checkpoint.get("meta") or {}
    if own is None or "cfg" not in meta:  # without a config it is not a checkpoint of a training run
        return
    imagenet = dict(mean=list(IMAGENET_DEFAULT_MEAN), std=list(IMAGENET_DEFAULT_STD))
    trained = meta.get(META_KEY) or imagenet
    if trained != own:
        certain = "was" if META_KEY in meta else "was probably (it is older than version 0.2)"
        print_log(
            f"{origin} {certain} trained on images normalised with mean {trained['mean']} and std {trained['std']}, "
            f"but the model uses {own['mean']} and {own['std']}. To use those of the training, set "
            f"model.data_preprocessor=dict(mean={trained['mean']}, std={trained['std']}).",
            "current",
            logging.WARNING,
        )
