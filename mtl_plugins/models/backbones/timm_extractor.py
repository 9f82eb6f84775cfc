"""Building a timm model as a feature extractor."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import EfficientNet, MobileNetV3
from timm.models._features_fx import create_feature_extractor
from torch import nn

from mtl_plugins.did_you_mean import did_you_mean

#: A value of `out_features`: the features before and after the last block of each stage.
LAST_BLOCKS = "last_blocks"

# Constructor options that free a timm model from a fixed input size, if it has them.
_FREE_SIZE = dict(dynamic_img_size=True, dynamic_img_pad=True, strict_img_size=False)


# Options that a timm model has only as an extractor (HRNet's features with or without the classifier's modules).
_EXTRACTOR_OPTIONS = ("feature_location",)


def classifier_options(model_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an extractor that its complete network has, too."""
    return {name: value for name, value in model_kwargs.items() if name not in _EXTRACTOR_OPTIONS}


def check_name(model_name: str) -> None:
    """Raise a `ValueError` with the nearest names if timm does not have this model."""
    if timm.is_model(model_name.split(".")[0]) or model_name.startswith(("hf-hub:", "local-dir:")):
        return
    hint = did_you_mean(model_name, timm.list_models(), n=3)
    hint = f": {hint}" if hint else ". "
    raise ValueError(
        f"model.backbone.model_name={model_name!r} is not a model of timm {timm.__version__}{hint}"
        f'All names: python -c "import timm; print(timm.list_models())"'
    )


def describe_model(model_name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The constructor options that free a model from a fixed input size, and its `pretrained_cfg`."""
    with torch.device("meta"):
        model = timm.create_model(model_name)
    known = inspect.signature(type(model).__init__).parameters
    options = {name: value for name, value in _FREE_SIZE.items() if name in known}
    return options, dict(getattr(model, "pretrained_cfg", None) or {})


def mean_and_std(pretrained_cfg: dict[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of RGB in 0 ... 1 of a model's input; ImageNet's if timm does not state them."""
    mean, std = pretrained_cfg.get("mean"), pretrained_cfg.get("std")
    if mean is None or std is None or len(mean) != 3 or len(std) != 3:
        return IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    return tuple(mean), tuple(std)


def build_extractor(
    model_name: str, out_features: Sequence[int] | Sequence[str] | str | None, model_kwargs: dict[str, Any]
) -> nn.Module:
    """A module that returns a list or dict of features, in timm's order; arguments as for `TimmBackbone`.

    With `"last_blocks"` it has the attribute `pairs`: the indices of the features of each stage.
    """
    if out_features == LAST_BLOCKS:
        return _around_last_blocks(timm.create_model(model_name, **model_kwargs), model_name)
    if out_features is not None and not isinstance(out_features[0], str):
        return _by_indices(model_name, tuple(out_features), model_kwargs)
    network = timm.create_model(model_name, **model_kwargs)
    names = out_features
    if names is None and isinstance(network, EfficientNet | MobileNetV3):
        names = stage_names(network)
    if names is None:
        return timm.create_model(model_name, features_only=True, **model_kwargs)
    return create_feature_extractor(network, _check_nodes(network, names, model_name))


def _around_last_blocks(network, model_name):
    pairs = [_last_two_blocks(network, stage) for stage in stage_names(network)]
    pairs = [pair for pair in pairs if pair is not None]
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    try:
        extractor = create_feature_extractor(network, names) if names else None
    except (TypeError, ValueError, torch.fx.proxy.TraceError):  # torch.fx cannot trace the model
        extractor = None
    if extractor is None:
        raise ValueError(
            f"out_features={LAST_BLOCKS!r}: {model_name} has no stages of blocks whose last one can be found. Set two "
            "names of modules for each stage, before and after its last block, or model.neck.paired=False for MTAN."
        )
    extractor.pairs = [(names.index(before), names.index(after)) for before, after in pairs]
    return extractor


def stage_names(network: nn.Module) -> list[str]:
    """Names of the modules whose outputs are the features of a timm model by default."""
    if isinstance(network, EfficientNet | MobileNetV3):
        return [f"blocks.{i}" for i in range(len(network.blocks))]
    info: Any = getattr(network, "feature_info", None) or []
    return [entry["module"] for entry in info]


def _last_two_blocks(network, stage):
    """The names of the last two blocks of a stage, twice that of its only block, or None if it has no blocks."""
    module = dict(network.named_modules()).get(stage)
    if module is None:
        return None
    holder = f"{stage}.blocks" if hasattr(module, "blocks") else stage
    blocks = [name for name, block in network.get_submodule(holder).named_children() if any(block.children())]
    return (f"{holder}.{blocks[-2:][0]}", f"{holder}.{blocks[-1]}") if blocks else None


def _by_indices(model_name, indices, model_kwargs):
    try:
        return timm.create_model(model_name, features_only=True, out_indices=indices, **model_kwargs)
    except (IndexError, AssertionError) as error:
        raise ValueError(
            f"out_features={list(indices)}: {model_name} does not have these stages ({error}). Stages are counted from "
            f"0. None selects those that a dense network reads."
        ) from error


def _check_nodes(network, names, model_name):
    known = dict(network.named_modules())
    unknown = [name for name in names if name not in known]
    if unknown:
        stages = [name for name in known if name and name.count(".") <= 1]
        raise ValueError(
            f"out_features contains {unknown}, which {model_name} does not have. Its modules: {', '.join(stages[:40])}"
        )
    return list(names)
