from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from .stages import build_stages, check_stages
from .timm_backbone import TimmBackbone
from .timm_extractor import check_name, describe_model


class StagedBackbone(TimmBackbone):
    """A `TimmBackbone` whose `body` is a sequence of stages."""

    build_body = staticmethod(build_stages)


class ParallelBackbones(BaseModule):
    """Base class of backbones with one copy of a timm model per task, which exchange features after each stage.

    A subclass implements `build_unit`. The model must be a sequence of stages, such as a ResNet, RegNet, ConvNeXt,
    EfficientNet, MobileNet or Swin.

    Args:
        tasks: Names of the tasks (set by the model).
        model_name: As for `TimmBackbone`.
        out_features: The features to return, as indices or names of modules (see `TimmBackbone`). The tasks exchange
            features after each of them.
        pretrained: As for `TimmBackbone`. Every copy gets the weights.
        init_cfg: As in mmengine's `BaseModule`.
        **model_kwargs: As for `TimmBackbone`.

    Attributes:
        out_channels: Channels of the features of each task, finest first.
        out_strides: Strides of the features of each task, finest first.
        mean: As for `TimmBackbone`.
        std: As for `TimmBackbone`.

    Raises:
        ValueError: Unknown model or module, or the model is not a sequence of stages.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        model_name: str,
        out_features: Sequence[int] | Sequence[str] | None = None,
        pretrained: bool | str = False,
        init_cfg: dict | None = None,
        **model_kwargs: Any,
    ):
        super().__init__(init_cfg)
        check_name(model_name)
        check_stages(model_name, out_features, {**describe_model(model_name)[0], **model_kwargs})
        self.copies = nn.ModuleDict(
            {task: StagedBackbone(model_name, out_features, pretrained, **model_kwargs) for task in tasks}
        )
        first: Any = self.copies[tasks[0]]
        self.mean, self.std, self.pretrained = first.mean, first.std, pretrained
        self.tasks = tuple(tasks)
        self.out_channels: Mapping[str, tuple[int, ...]] = dict.fromkeys(tasks, first.out_channels)
        self.out_strides: Mapping[str, tuple[int, ...]] = dict.fromkeys(tasks, first.out_strides)
        channels = dict(zip(first._order, first.out_channels, strict=True))
        self.units = nn.ModuleDict({str(i): self.build_unit(channels[i]) for i in sorted(channels)})
        self._channels_last = first._channels_last

    @abstractmethod
    def build_unit(self, channels: int) -> nn.Module:
        """A module with which the tasks exchange features: a dict by task (N, channels, H, W) to such a dict.

        Its method `prune(tasks)` keeps only what some tasks receive.
        """

    def load_pretrained(self, source: bool | str = True) -> None:
        """Replace the weights of every copy by pretrained ones; see `TimmBackbone.load_pretrained`."""
        copies: Any = self.copies
        for copied in copies.values():
            copied.load_pretrained(source)

    def init_weights(self) -> None:
        """Do nothing: timm and the units initialise the weights in the constructor."""

    def forward(self, x: Tensor) -> dict[str, list[Tensor]]:
        """Features (N, C_i, ~H / s_i, ~W / s_i) of each task, finest first, of normalised images (N, 3, H, W)."""
        copies: Any = self.copies
        first = next(iter(copies.values()))
        maps = dict.fromkeys(copies, first.prepare(x))
        features: dict[str, list[Tensor]] = {task: [] for task in self.tasks}
        for i in range(len(first.body.stages)):
            maps = {task: copies[task].body.stages[i](value) for task, value in maps.items()}
            if str(i) in self.units:
                maps = _exchange(self.units[str(i)], maps, self._channels_last[i])
            for task in self.tasks:
                features[task].append(maps[task])
        return {task: copies[task].finish(found, x.shape[-2:]) for task, found in features.items()}

    def prune(self, tasks: Sequence[str]) -> None:
        """Keep only what `tasks` need. The copies of all tasks remain, because the tasks read their features."""
        self.tasks = tuple(tasks)
        last: Any = list(self.units.values())[-1]
        last.prune(tasks)


def _exchange(unit, maps, channels_last):
    """The unit's outputs for maps (N, C, H, W), or (N, H, W, C)."""
    if not channels_last:
        return unit(maps)
    maps = unit({task: value.permute(0, 3, 1, 2) for task, value in maps.items()})
    return {task: value.permute(0, 2, 3, 1) for task, value in maps.items()}
