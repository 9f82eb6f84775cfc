from collections import defaultdict
from collections.abc import Sequence

import torch
from mmengine.model import BaseModel, ModuleDict
from mmengine.structures import BaseDataElement, PixelData
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from mtl_plugins.registry import MODELS


@MODELS.register_module()
class MultiTaskModel(BaseModel):
    """One backbone, one neck, one head a task.

    Args:
        backbone: Config of a module with ``out_channels`` and ``out_strides`` (finest first).
        neck: Config of a module that is built with ``in_channels`` and ``in_strides`` of the backbone and has its own
            ``out_channels`` and ``out_strides``; ``None``: the heads read the backbone.
        heads: Configs by task; each is built with ``in_channels`` and ``in_strides`` of the neck. A task set to
            ``None`` is left out. The task's name is also the name of its label, its prediction, its losses
            (``depth.loss_berhu``) and its metrics.
        data_preprocessor: Config; ImageNet's normalisation by default.
        channels_last: Whether the weights are laid out channels-last.
    """

    def __init__(
        self,
        backbone: dict,
        heads: dict[str, dict | None],
        neck: dict | None = None,
        data_preprocessor: dict | None = None,
        channels_last: bool = True,
        init_cfg=None,
    ):
        super().__init__(MODELS.build(data_preprocessor or dict(type="MultiTaskDataPreprocessor")), init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build({**_sizes(self.backbone), **neck}) if neck else None
        configs = {task: config for task, config in heads.items() if config is not None}
        if not configs:
            raise ValueError(
                "model.heads has no task: give at least one, such as heads=dict(depth=dict(type='DepthHead'))."
            )
        sizes = _sizes(self.neck or self.backbone)
        self.heads = ModuleDict({task: MODELS.build({**sizes, **config}) for task, config in configs.items()})
        if channels_last:
            _to_channels_last(self)

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.heads)

    def forward(self, inputs: Tensor, data_samples: list[BaseDataElement] | None = None, mode: str = "tensor"):
        """
        Args:
            inputs: Normalised images (N, 3, H, W).
            data_samples: One for each image; labels are fields of ``.gt``, and one that is missing is not there.
            mode: ``'tensor'``: ``{task: raw output}``; ``'loss'``: ``{'<task>.loss_<name>': scalar}``; ``'predict'``:
                the samples, each with ``.pred``.
        """
        if mode == "tensor":
            return self.outputs(inputs)
        if mode == "loss":
            return self.loss(inputs, data_samples)
        if mode == "predict":
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode={mode!r} is none of 'tensor', 'loss', 'predict'.")

    def extract_features(self, inputs: Tensor) -> Sequence[Tensor]:
        """What the heads read, finest first."""
        features = self.backbone(inputs)
        return self.neck(features) if self.neck is not None else features

    def outputs(self, inputs: Tensor) -> dict[str, Tensor]:
        """``{task: raw output}``."""
        features = self.extract_features(inputs)
        return {task: head(features) for task, head in self.heads.items()}

    def compile_network(self, **options) -> None:
        """Have ``outputs`` compiled by ``torch.compile(**options)``: all but losses and resizing."""
        self.outputs = torch.compile(self.outputs, **options)

    def loss(self, inputs: Tensor, data_samples: list[BaseDataElement]) -> dict[str, Tensor]:
        """Losses of each task over the samples that have its label."""
        losses, unlabelled = {}, 0.0
        for task, outputs in self.outputs(inputs).items():
            head = self.heads[task]
            labelled = [i for i, sample in enumerate(data_samples) if task in sample.gt]
            if not labelled:
                unlabelled = unlabelled + _zero(outputs)
                continue
            if len(labelled) < len(data_samples):
                outputs = tree_map(lambda output, chosen=labelled: output[chosen], outputs)
            targets = _stack([data_samples[i] for i in labelled], task)
            losses.update({f"{task}.{name}": value for name, value in head.loss(outputs, targets).items()})
        if isinstance(unlabelled, Tensor):
            # A head that no image of the batch has a label for still takes part in the graph, with gradient zero:
            # under DDP every parameter must be seen in every step.
            name = next(iter(losses), "loss_unlabelled")
            losses[name] = losses.get(name, 0.0) + unlabelled
        return losses

    def predict(self, inputs: Tensor, data_samples: list[BaseDataElement]) -> list[BaseDataElement]:
        """Each task's map at each image's own size (``ori_shape``), as ``sample.pred``.

        Images that were padded to a common size are cut back first, so that a batch answers what its images alone do.
        """
        alike = defaultdict(list)
        for i, sample in enumerate(data_samples):
            shape = tuple(sample.get("img_shape", inputs.shape[-2:]))
            alike[shape, tuple(sample.get("ori_shape", shape))].append(i)
        for ((height, width), size), chosen in alike.items():
            images = inputs if len(chosen) == len(inputs) else inputs[chosen]
            outputs = self.outputs(images[..., :height, :width])
            maps = {task: head.predict(outputs[task], size) for task, head in self.heads.items()}
            for position, i in enumerate(chosen):
                data_samples[i].pred = PixelData(**{task: answer[position] for task, answer in maps.items()})
        return data_samples


def _to_channels_last(module):
    for parameter in module.parameters():
        if parameter.dim() == 4:  # nn.Module.to(memory_format=...) stumbles over other convolutions (5-D)
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _sizes(module):
    return dict(in_channels=module.out_channels, in_strides=module.out_strides)


def _zero(outputs):
    return sum(output[:0].sum() for output in tree_leaves(outputs))


def _stack(samples, task):
    labels = [sample.gt.get(task) for sample in samples]
    shapes = {tuple(label.shape) for label in labels}
    if len(shapes) > 1:
        raise ValueError(
            f"the {task} labels of one training batch have different sizes {sorted(shapes)}: end the training "
            f"pipeline with a transform that gives one size (RandomCrop or Resize), or train with batch_size=1."
        )
    return torch.stack(labels)
