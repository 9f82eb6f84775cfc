import socket
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import timm
import torch
from huggingface_hub import constants
from timm.models import load_state_dict as read_weights
from torch import Tensor

from mtl_plugins.files import SealError, check_seal, is_zip, verification_is_on
from mtl_plugins.functional import weight_fault

from .timm_extractor import classifier_options

_LONGEST_PICKLE = 2**24  # bytes of a pickle that are searched; it contains no tensors


def read_pretrained(model_name: str, source: bool | str, **model_kwargs: Any) -> dict[str, Tensor]:
    """Read the weights of a timm model, with timm's names. The classifier may be missing.

    Args:
        model_name: Name of the model.
        source: True for timm's hub, or the path of a local file.
        **model_kwargs: Options of `timm.create_model` that determine the shapes of the weights.

    Raises:
        FileNotFoundError: The file does not exist.
        ConnectionError: The hub cannot be reached.
        ValueError: `source` is empty, no weights are published, the file is unreadable, or the weights belong to
            another model.
    """
    if source == "":
        raise ValueError(
            "model.backbone.pretrained is empty (a variable that is not set?): set the path of a file, True for timm's "
            "hub, or False to start from scratch."
        )
    weights = _from_hub(model_name) if source is True else _from_file(Path(str(source)))
    with torch.device("meta"):
        model = timm.create_model(model_name, **classifier_options(model_kwargs))
    wanted = model.state_dict()
    weights = weights.get("state_dict", weights)
    if not isinstance(weights, dict):
        raise ValueError(f"{source} contains a {type(weights).__name__}, not a dict of weights. Use another file.")
    weights = _renamed(model_name, model, weights)
    classifiers = _classifiers(model)
    missing = [
        key
        for key, value in wanted.items()
        if (key not in weights or getattr(weights[key], "shape", None) != value.shape)
        and not key.startswith(classifiers)
    ]
    if missing:
        reshaped = sum(key in weights for key in missing)
        own = any(str(key).startswith("backbone.") for key in weights)
        advice = (
            "It is a complete network of this package: set load_from instead of model.backbone.pretrained."
            if own
            else "Use the file of this model, or change model.backbone.model_name."
        )
        raise ValueError(
            f"{source if source is not True else 'the hub file'} does not contain the weights of {model_name}: "
            f"{len(missing)} of {len(wanted)} tensors are missing ({reshaped} of them have another shape), "
            f"such as {', '.join(missing[:5])}. {advice}"
        )
    faults = [
        f"{key}: {fault}"
        for key, own in wanted.items()
        if key in weights and not key.startswith(classifiers) and (fault := weight_fault(weights[key], own))
    ]
    if faults:
        raise ValueError(
            f"{source if source is not True else 'the hub file'} contains {len(faults)} weights that cannot be used, "
            f"such as {'; '.join(faults[:3])}. Use another file."
        )
    return {key: weights[key] for key in wanted if key in weights and not key.startswith(classifiers)}


def _from_file(path):
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise FileNotFoundError(
            f"model.backbone.pretrained={path} {what}. Set the path of a .pth or .safetensors "
            f"file, True for timm's hub, or False to start from scratch."
        )
    try:
        if is_zip(path) and verification_is_on():
            check_seal(path)
        return read_weights(str(path), use_ema=False, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} cannot be read as plain weights ({_reason(error)}): {_explanation(path)}") from error


def _explanation(path):
    """Why a file cannot be read, and what to do."""
    with open(path, "rb") as file:
        start = file.read(64)
    is_safetensors = start[8:9] == b"{"  # after the length of the header
    if start.lstrip()[:1] == b"<":
        return "it is a web page. Download the file itself."
    if is_safetensors and path.suffix != ".safetensors":
        return "it is a safetensors file. Rename it to .safetensors."
    if is_zip(path) and path.suffix == ".safetensors":
        return "it was written by torch.save. Rename it to .pth."
    if is_zip(path) and _is_training_checkpoint(path):
        return (
            "it is a checkpoint of a training. To start from all of its weights, set load_from instead of "
            "model.backbone.pretrained, or publish it first (mtl publish) and set load_from to its model.safetensors."
        )
    return (
        "it is damaged, or a pickle with other objects than tensors, which is refused. Save it again with "
        "torch.save(model.state_dict(), ...)."
    )


def _is_training_checkpoint(path):
    """Whether the pickle of a checkpoint has mmengine's message hub. Nothing in it is executed."""
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            with archive.open(pickles[0]) as file:
                return b"message_hub" in file.read(_LONGEST_PICKLE)
    except (IndexError, OSError, ValueError, zipfile.BadZipFile, zlib.error):
        return False


def _reason(error):
    return str(error) if isinstance(error, SealError) else type(error).__name__


def _from_hub(model_name):
    cfg = timm.get_pretrained_cfg(model_name)
    if cfg is None or not (cfg.has_weights):
        raise ValueError(
            f"timm has no pretrained weights for {model_name}. Use a local file "
            f"(model.backbone.pretrained=FILE) or start from scratch (model.backbone.pretrained=False)."
        )
    try:
        with _offline_if_unreachable():
            return timm.create_model(model_name, pretrained=True).state_dict()
    except Exception as error:
        raise ConnectionError(
            f"the weights of {model_name} could not be downloaded from timm's hub ({type(error).__name__}). Without a "
            f"network, use a local file (model.backbone.pretrained=FILE; a .safetensors or .pth{_published_as(cfg)}) "
            f"or start from scratch (model.backbone.pretrained=False)."
        ) from error


def _published_as(cfg):
    return f" of {cfg.hf_hub_id}, from a machine that has one" if cfg.hf_hub_id else " of this timm model"


@contextmanager
def _offline_if_unreachable() -> Iterator[None]:
    """Let the hub's client use only its cache if the hub cannot be reached: otherwise it retries for a minute."""
    address = urlsplit(constants.ENDPOINT)
    offline = constants.HF_HUB_OFFLINE
    if not offline and not getproxies():  # a proxy resolves names itself
        try:
            socket.create_connection((address.hostname, address.port or 443), timeout=5).close()
        except OSError:
            constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline


def _renamed(model_name, model, weights):
    """Weights of an original release renamed to timm's names, if the model's module has a function for it."""
    architecture = model_name.split(".")[0]
    entrypoint = timm.model_entrypoint(architecture) if timm.is_model(architecture) else None
    modules = [sys.modules[part.__module__] for part in (entrypoint, type(model)) if part is not None]
    rename = next((found for m in modules if (found := getattr(m, "checkpoint_filter_fn", None))), None)
    if rename is None or set(model.state_dict()) <= set(weights):
        return weights
    try:
        return rename(weights, model)
    except Exception:  # the filter expects the keys of its own model; the caller reports missing keys
        return weights


def _classifiers(model):
    names = model.pretrained_cfg.get("classifier") or ()
    return tuple(f"{name}." for name in ([names] if isinstance(names, str) else names))
