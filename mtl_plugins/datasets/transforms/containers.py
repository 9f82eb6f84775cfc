"""torchvision's transforms that contain other transforms, for configs."""

from collections.abc import Callable, Sequence
from typing import Any

from torchvision.transforms import v2

from mtl_plugins.registry import TRANSFORMS

from .pipeline import build_transform


def _with_configs(container: type[v2.Transform]) -> type[v2.Transform]:
    """Register a subclass of `container`, under the same name, that accepts configs of transforms."""

    def __init__(self: v2.Transform, transforms: Sequence[dict | Callable], *args: Any, **kwargs: Any) -> None:
        container.__init__(self, [build_transform(transform) for transform in transforms], *args, **kwargs)

    doc = f"torchvision's `{container.__name__}`; `transforms` may contain configs."
    namespace = dict(__init__=__init__, __doc__=doc, __module__=__name__)
    return TRANSFORMS.register_module(module=type(container.__name__, (container,), namespace))


Compose = _with_configs(v2.Compose)
RandomApply = _with_configs(v2.RandomApply)
RandomChoice = _with_configs(v2.RandomChoice)
RandomOrder = _with_configs(v2.RandomOrder)
