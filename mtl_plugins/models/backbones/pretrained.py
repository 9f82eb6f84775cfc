from pathlib import Path

import timm
import torch
from timm.models import load_state_dict as read_weights
from torch import nn


def load_pretrained(network: nn.Module, model_name: str, source: bool | str) -> None:
    """Load weights into a timm network: from timm's hub (``True``) or from a local file (its path).

    Raises:
        FileNotFoundError: no such file.
        ConnectionError: the hub can't be reached.
        ValueError: no weights published, an unreadable file, or weights of another model.
    """
    weights = _from_hub(model_name) if source is True else _from_file(Path(source))
    weights = weights.get("state_dict", weights)
    filtered = _timm_filter(model_name, weights)
    wanted = network.state_dict()
    fitting = {key: filtered[key] for key in wanted if key in filtered and filtered[key].shape == wanted[key].shape}
    # A feature extractor lacks the classifier, so extra keys in the file are right; lacking ones are not.
    missing = [key for key in wanted if key not in fitting and not key.startswith(("classifier.", "head.", "fc."))]
    if missing:
        wrong_shape = sum(key in filtered for key in missing)
        raise ValueError(
            f"{source if source is not True else 'the hub file'} does not hold weights of {model_name}: "
            f"{len(missing)} of {len(wanted)} tensors are missing ({wrong_shape} of them have another shape), "
            f"such as {', '.join(missing[:5])}. Give the file of this model, or change model.backbone.model_name."
        )
    network.load_state_dict(fitting, strict=False)


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


def _timm_filter(model_name, weights):
    """Rename keys of original releases as timm does, where the model's module has such a filter."""
    import sys

    with torch.device("meta"):
        model = timm.create_model(model_name)
    module = sys.modules[type(model).__module__]
    rename = getattr(module, "checkpoint_filter_fn", None)
    if rename is None or set(model.state_dict()) <= set(weights):
        return weights
    return rename(weights, model)
