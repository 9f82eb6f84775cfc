from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from mtl_plugins.registry import MODELS

from ..build_part import build_part
from .concat_features import ConcatFeatures
from .multi_modal_distillation import MultiModalDistillation
from .neck_output import NeckOutput
from .residual_block import residual_blocks
from .task_parts import check_tasks, keep_only, prediction_convs


@MODELS.register_module()
class PADNet(BaseModule):
    """PAD-Net (Xu et al., CVPR 2018, arXiv 1805.04409), with the layers of Vandenhende et al. (arXiv 2004.13379).

    Each task has two bottlenecks on a shared map, and a 1x1 convolution on top that predicts the task in training (the
    auxiliary output). Then each task receives gated features of the others (`MultiModalDistillation`), and two more
    bottlenecks follow. The output has one map per task at the stride of the shared map.

    Args:
        in_channels: Channels of the features, finest first (set by the model).
        in_strides: Strides of the features (set by the model).
        tasks: Names of the tasks (set by the model).
        channels: Channels of the features of each task; 256 in the papers.
        blocks: Bottlenecks of each task after the distillation; 2 in the papers. With 0, the heads read the distilled
            features.
        auxiliaries: Tasks whose features the others receive; all by default.
        auxiliary_weight: Factor of the losses of the auxiliary predictions.
        fuse: Config of a neck that makes the shared map, the first of its outputs. By default
            `ConcatFeatures(channels)`; a single feature is the shared map itself.
        init_cfg: As in mmengine's `BaseModule`.

    Attributes:
        out_channels: Channels of the output of each task, a tuple of one.
        out_strides: Stride of the output, a tuple of one.

    Raises:
        ValueError: A task in `auxiliaries` is unknown. In `attach`: the raw output of a head is not one map.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        tasks: Sequence[str],
        channels: int = 256,
        blocks: int = 2,
        auxiliaries: Sequence[str] | None = None,
        auxiliary_weight: float = 1.0,
        fuse: dict | None = None,
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        self.tasks = tuple(tasks)
        self.auxiliaries = check_tasks("PADNet", "auxiliaries", tasks if auxiliaries is None else auxiliaries, tasks)
        self.auxiliary_weight = auxiliary_weight
        self.fuse: Any = None
        width, stride = in_channels[0], in_strides[0]
        if fuse is not None:
            self.fuse = build_part(fuse, tasks, in_channels=in_channels, in_strides=in_strides)
            width, stride = self.fuse.out_channels[0], self.fuse.out_strides[0]
        elif len(in_channels) > 1:
            self.fuse = ConcatFeatures(in_channels, in_strides, channels)
            width = channels
        self.initial: Any = nn.ModuleDict({t: residual_blocks(width, channels, 2, bottleneck=True) for t in tasks})
        self.distillation = MultiModalDistillation(channels, tasks, self.auxiliaries)
        self.final: Any = nn.ModuleDict(
            {t: residual_blocks(channels, channels, blocks, bottleneck=True) for t in tasks}
        )
        self.predictions: Any = nn.ModuleDict()
        self.out_channels, self.out_strides = (channels,), (stride,)

    def attach(self, heads: Mapping[str, nn.Module]) -> None:
        """Add the auxiliary predictions of the tasks of `heads`."""
        self.predictions = prediction_convs("PADNet", heads, self.out_channels)

    def forward(self, features: Sequence[Tensor]) -> dict[str, list[Tensor]] | NeckOutput:
        """One map (N, channels, H, W) per task. In training also the auxiliary predictions, if heads are attached."""
        shared = features[0] if self.fuse is None else self.fuse(features)[0]
        initial = {task: blocks(shared) for task, blocks in self.initial.items()}
        distilled = self.distillation(initial)
        outputs = {task: [blocks(distilled[task])] for task, blocks in self.final.items()}
        if not self.training or not self.predictions:
            return outputs
        return NeckOutput(outputs, {task: [conv(initial[task])] for task, (conv,) in self.predictions.items()})

    def prune(self, tasks: Sequence[str]) -> None:
        """Keep only what `tasks` need: the initial features of the auxiliary tasks, but neither their own distillation
        nor their predictions."""
        keep_only(self.initial, {*tasks, *(self.auxiliaries if set(tasks) else ())})
        keep_only(self.final, tasks)
        self.distillation.prune(tasks)
        self.predictions = nn.ModuleDict()
