"""The stages of a timm model that runs one after the other, so that something can happen in between."""

from collections.abc import Sequence
from typing import Any

import timm
import torch
from torch import Tensor, nn

from .timm_extractor import stage_names

_CHECK_SIZES = (64, 224)  # of the image on which the stages are compared with the model


class Stages(nn.Module):
    """A timm model up to its last feature, as a sequence of stages that end with the features.

    Args:
        network: The model. Its modules are used, not copied.
        names: Names of the modules whose outputs are the features, in the order of computation.
        model_name: Name of the model, for messages.

    Raises:
        ValueError: A module does not exist, or the model is not a sequence of its modules.
    """

    def __init__(self, network: nn.Module, names: Sequence[str], model_name: str):
        super().__init__()
        self.names = tuple(names)
        self.stages = nn.ModuleList()
        waiting = list(names)
        stage: list[nn.Module] = []
        for name, module in _flatten(network, "", names):
            stage.append(module)
            if waiting and name == waiting[0]:
                self.stages.append(nn.Sequential(*stage))
                waiting, stage = waiting[1:], []
        if waiting:
            known = [name for name, _ in _flatten(network, "", names)]
            raise ValueError(
                f"the stages of {model_name} cannot end after {', '.join(waiting)}, in this order. Its modules are "
                f"computed in the order {', '.join(known[:40])}."
            )

    def forward(self, x: Tensor) -> list[Tensor]:
        """The features of images."""
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


def build_stages(
    model_name: str, out_features: Sequence[int] | Sequence[str] | None, model_kwargs: dict[str, Any]
) -> Stages:
    """The stages of a timm model; arguments as for `TimmBackbone`."""
    network = timm.create_model(model_name, **{"num_classes": 0, **model_kwargs})
    return Stages(network, _names(network, out_features), model_name)


def check_stages(
    model_name: str, out_features: Sequence[int] | Sequence[str] | None, model_kwargs: dict[str, Any]
) -> None:
    """Check that a timm model computes its stages one after the other; arguments as for `TimmBackbone`.

    Raises:
        ValueError: It does not, or a module does not exist.
    """
    with torch.random.fork_rng(devices=[]):  # building the network draws random numbers
        network = timm.create_model(model_name, **{"num_classes": 0, **model_kwargs}).eval()
    names = _names(network, out_features)
    unknown = set(names) - set(dict(network.named_modules()))
    expected = None if unknown or not names else _features(network, names)
    if unknown or (expected is not None and not _same(Stages(network, names, model_name), *expected)):
        problem = f"has no module {', '.join(sorted(unknown))}" if unknown else "does not compute its stages one by one"
        raise ValueError(
            f"{model_name} {problem}, so its copies for several tasks cannot exchange features between the stages. "
            "Choose out_features, or another model.backbone.model_name, such as a ResNet, RegNet, ConvNeXt, "
            "EfficientNet, MobileNet or Swin."
        )


def _names(network, out_features):
    """Names of the modules whose outputs are the features."""
    if out_features is not None and isinstance(out_features[0], str):
        return list(out_features)
    names = stage_names(network)
    chosen = range(len(names)) if out_features is None else out_features
    return [names[i] for i in chosen]


def _flatten(module, prefix, names):
    """(name, module) of the children in their order. Containers with a wanted module inside are flattened."""
    for name, child in module.named_children():
        full = f"{prefix}{name}"
        inside = any(wanted.startswith(f"{full}.") for wanted in names)
        if inside:
            yield from _flatten(child, f"{full}.", names)
        else:
            yield full, child


@torch.no_grad()
def _features(network, names):
    """An image and the model's features; None if no size is supported."""
    outputs: dict[str, Tensor] = {}
    known = dict(network.named_modules())
    handles = [
        known[name].register_forward_hook(lambda module, _, out, name=name: outputs.update({name: out}))
        for name in names
    ]
    try:
        for size in _CHECK_SIZES:
            image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
            try:
                network.forward_features(image)
            except (AssertionError, RuntimeError):
                continue
            return image, [outputs[name] for name in names]
    finally:
        for handle in handles:
            handle.remove()
    return None


@torch.no_grad()
def _same(stages, image, expected):
    try:
        features = stages(image)
    except Exception:  # a model that is no sequence fails in many ways
        return False
    return all(
        isinstance(a, Tensor) and isinstance(b, Tensor) and torch.equal(a, b)
        for a, b in zip(features, expected, strict=True)
    )
