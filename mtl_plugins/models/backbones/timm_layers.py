"""The layers of a timm model, as timm itself counts them."""

from collections.abc import Iterable, Mapping
from typing import Any

import timm
import torch
from timm.models import group_parameters

from .timm_extractor import classifier_options


def layers_of_parameters(names: Iterable[str], model_name: str, model_kwargs: Mapping[str, Any]) -> dict[str, int]:
    """The layer of each parameter of an extractor, from the stem (0) to the last block.

    Args:
        names: Names of the parameters of an extractor from `build_extractor`.
        model_name: Name of the timm model.
        model_kwargs: Options of `timm.create_model`.

    Raises:
        ValueError: timm has no layers for this model.
    """
    with torch.device("meta"):
        model: Any = timm.create_model(model_name, **classifier_options(model_kwargs))
    if not hasattr(model, "group_matcher"):
        raise ValueError(f"timm does not divide {model_name} into layers, so its learning rates cannot decay by layer.")
    layers: dict[str, int] = group_parameters(model, model.group_matcher(coarse=False), reverse=True)
    found = {name: next((layers[key] for key in _names_in_timm(name) if key in layers), None) for name in names}
    if unknown := [name for name, layer in found.items() if layer is None]:
        raise ValueError(
            f"the parameter {unknown[0]} of the extractor is not one of {model_name}, so its layer is unknown."
        )
    return {name: layer for name, layer in found.items() if layer is not None}


def _names_in_timm(name):
    """What a parameter of an extractor may be called in the complete model."""
    yield name
    yield name.removeprefix("model.")  # of a ViT
    parts = name.split("_")
    for i in range(1, len(parts)):  # timm flattens stages.0 to stages_0
        yield f"{'_'.join(parts[:i])}.{'_'.join(parts[i:])}"
