import sys
from pathlib import Path

import timm
import torch
from timm.models import load_state_dict as read_weights
from torch import Tensor


def read_pretrained(model_name: str, source: bool | str, **model_kwargs) -> dict[str, Tensor]:
    """Weights of a timm model under timm's names: from timm's hub (``True``) or from a local file (its path).

    The classifier may be missing in the file; all else must be there in the shape that ``model_kwargs`` ask for.

    Raises:
        FileNotFoundError: no such file.
        ConnectionError: the hub can't be reached.
        ValueError: no weights published, an unreadable file, or weights of another model.
    """
    weights = _from_hub(model_name) if source is True else _from_file(Path(source))
    with torch.device("meta"):
        model = timm.create_model(model_name, **model_kwargs)
    wanted = model.state_dict()
    weights = _renamed(model, weights.get("state_dict", weights))
    classifiers = _classifiers(model)
    missing = [
        key
        for key, value in wanted.items()
        if (key not in weights or weights[key].shape != value.shape) and not key.startswith(classifiers)
    ]
    if missing:
        reshaped = sum(key in weights for key in missing)
        raise ValueError(
            f"{source if source is not True else 'the hub file'} does not hold weights of {model_name}: "
            f"{len(missing)} of {len(wanted)} tensors are missing ({reshaped} of them have another shape), "
            f"such as {', '.join(missing[:5])}. Give the file of this model, or change model.backbone.model_name."
        )
    return {key: weights[key] for key in wanted if key in weights and not key.startswith(classifiers)}


def _from_file(path):
    if not path.is_file():
        raise FileNotFoundError(
            f"model.backbone.pretrained names {path}, which does not exist. Give the path of a .pth or .safetensors "
            f"file, True for timm's hub, or False to start from scratch."
        )
    try:
        return read_weights(str(path), use_ema=False, weights_only=True)
    except Exception as error:
        raise ValueError(
            f"{path} can't be read as plain weights ({type(error).__name__}): it is torn, or a pickle that holds "
            f"more than tensors, which is refused. Save it again with torch.save(model.state_dict(), ...)."
        ) from error


def _from_hub(model_name):
    cfg = timm.get_pretrained_cfg(model_name)
    if cfg is None or not (cfg.has_weights):
        raise ValueError(
            f"timm has no pretrained weights for {model_name}. Give a local file "
            f"(model.backbone.pretrained=FILE) or start from scratch (model.backbone.pretrained=False)."
        )
    try:
        return timm.create_model(model_name, pretrained=True).state_dict()
    except Exception as error:
        raise ConnectionError(
            f"the weights of {model_name} could not be fetched from timm's hub ({type(error).__name__}). Without a "
            f"network, give a local file (model.backbone.pretrained=FILE; a .safetensors or .pth of this timm "
            f"model) or start from scratch (model.backbone.pretrained=False)."
        ) from error


def _renamed(model, weights):
    """Weights of an original release under timm's names, where the model's module knows how."""
    rename = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if rename is None or set(model.state_dict()) <= set(weights):
        return weights
    try:
        return rename(weights, model)
    except Exception:  # a filter expects its own model's keys: the comparison tells what is wrong
        return weights


def _classifiers(model):
    names = model.pretrained_cfg.get("classifier") or ()
    return tuple(f"{name}." for name in ([names] if isinstance(names, str) else names))
