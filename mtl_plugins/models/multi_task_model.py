from collections import defaultdict
from collections.abc import Callable, Sequence

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
        hint: Config of a module that compares the neck's finest features with a teacher's (``FeatureHint``), for
            samples that have them as ``hint``.
        data_preprocessor: Config; ImageNet's normalisation by default.
        channels_last: Whether the weights are laid out channels-last.
    """

    def __init__(
        self,
        backbone: dict,
        heads: dict[str, dict | None],
        neck: dict | None = None,
        hint: dict | None = None,
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
        self.hint = MODELS.build({**sizes, **hint}) if hint else None
        if channels_last:
            _to_channels_last(self)

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.heads)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets that any head tells apart; empty: images are all treated alike."""
        return tuple(dict.fromkeys(name for head in self.heads.values() for name in _datasets(head)))

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

    def outputs(self, inputs: Tensor, tasks: Sequence[str] | None = None) -> dict[str, Tensor]:
        """``{task: raw output}`` of all tasks, or of ``tasks`` alone: the heads of others are not computed."""
        features = self.extract_features(inputs)
        return {task: self.heads[task](features) for task in (self.heads if tasks is None else tasks)}

    def compile_network(self, **options) -> None:
        """Have ``outputs`` compiled by ``torch.compile(**options)``: all but losses and resizing. Copies are not."""
        self.outputs = torch.compile(self.outputs, **options)

    def __getstate__(self):
        state = super().__getstate__()
        state.pop("outputs", None)  # compiled, it would compute with the weights of the model that it was copied from
        return state

    def loss(self, inputs: Tensor, data_samples: list[BaseDataElement]) -> dict[str, Tensor]:
        """Losses of each task over the samples that have its label.

        The loss is taken apart for the datasets that a head tells apart, and for labels of different weight
        (``label_weights`` of a sample's metainfo, ``{task: weight}``), and added up by their shares of the samples.
        """
        losses, unlabelled = {}, 0.0
        if self.hint is None:
            raw = self.outputs(inputs)
        else:
            features = self.extract_features(inputs)
            raw = {task: head(features) for task, head in self.heads.items()}
            losses["hint.loss_hint"] = self.hint(features, [sample.get("hint") for sample in data_samples])
        for task, outputs in raw.items():
            head = self.heads[task]
            labelled = [i for i, sample in enumerate(data_samples) if task in sample.gt]
            if not labelled:
                unlabelled = unlabelled + _zero(outputs)
            for (dataset, weight), chosen in _alike(head, task, data_samples, labelled).items():
                targets = _stack([data_samples[i].gt.get(task) for i in chosen], task)
                found = head.loss(select_outputs(head, _of_samples(outputs, chosen, data_samples), dataset), targets)
                weight = weight * len(chosen) / len(labelled)
                for name, value in found.items():
                    losses[f"{task}.{name}"] = losses.get(f"{task}.{name}", 0.0) + weight * value
            losses.update(self._soft_loss(task, outputs, data_samples))
        if isinstance(unlabelled, Tensor):
            # A head that no image of the batch has a label for still takes part in the graph, with gradient zero:
            # under DDP every parameter must be seen in every step.
            name = next(iter(losses), "loss_unlabelled")
            losses[name] = losses.get(name, 0.0) + unlabelled
        return losses

    def _soft_loss(self, task, outputs, data_samples):
        """The loss against raw outputs of a teacher, where samples have them as ``soft.<task>``."""
        chosen = [i for i, sample in enumerate(data_samples) if task in sample.get("soft", ())]
        if not chosen:
            return {}
        targets = _stack([data_samples[i].soft.get(task) for i in chosen], task)
        share = len(chosen) / len(data_samples)
        found = self.heads[task].soft_loss(_of_samples(outputs, chosen, data_samples), targets)
        return {f"{task}.{name}": share * value for name, value in found.items()}

    def predict(
        self,
        inputs: Tensor,
        data_samples: list[BaseDataElement],
        predict_maps: Callable[..., dict[str, Tensor]] | None = None,
    ) -> list[BaseDataElement]:
        """Each task's map at each image's own size (``ori_shape``), as ``sample.pred``.

        Images that were padded to a common size are cut back first, so that a batch answers what its images alone do.
        ``predict_maps`` takes the place of the method of that name.
        """
        predict_maps = predict_maps or self.predict_maps
        alike = defaultdict(list)
        apart = bool(self.datasets)
        for i, sample in enumerate(data_samples):
            shape = tuple(sample.get("img_shape", inputs.shape[-2:]))
            alike[shape, tuple(sample.get("ori_shape", shape)), sample.get("dataset") if apart else None].append(i)
        for ((height, width), size, dataset), chosen in alike.items():
            images = inputs if len(chosen) == len(inputs) else inputs[chosen]
            maps = predict_maps(images[..., :height, :width], size, dataset)
            for position, i in enumerate(chosen):
                data_samples[i].pred = PixelData(**{task: answer[position] for task, answer in maps.items()})
        return data_samples

    def predict_maps(self, images: Tensor, size: tuple[int, int], dataset: str | None = None) -> dict[str, Tensor]:
        """``{task: map}`` (N, K, *size) for images of one dataset (N, 3, H, W), without padding."""
        return {
            task: self.heads[task].predict(select_outputs(self.heads[task], outputs, dataset), size)
            for task, outputs in self.outputs(images).items()
        }

    def predict_scores(
        self,
        images: Tensor,
        size: tuple[int, int],
        dataset: str | None = None,
        tasks: Sequence[str] | None = None,
    ) -> dict[str, Tensor]:
        """What the maps follow from, ``{task: scores}`` (N, K, *size): class probabilities, metres, unit vectors."""
        return {
            task: self.heads[task].scores(select_outputs(self.heads[task], outputs, dataset), size)
            for task, outputs in self.outputs(images, tasks).items()
        }

    def undo_mirror(self, task: str, scores: Tensor) -> Tensor:
        """Scores of an image from those of its mirror image."""
        return self.heads[task].undo_mirror(scores)


def _to_channels_last(module):
    for parameter in module.parameters():
        if parameter.dim() == 4:  # nn.Module.to(memory_format=...) stumbles over other convolutions (5-D)
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _sizes(module):
    return dict(in_channels=module.out_channels, in_strides=module.out_strides)


def _datasets(head):
    return getattr(head, "datasets", ())


def _alike(head, task, data_samples, chosen):
    """{(dataset, weight): indices} of the chosen samples whose loss is one."""
    weights = getattr(head, "dataset_weights", {})
    groups = defaultdict(list)
    for i in chosen:
        dataset = data_samples[i].get("dataset") if weights or _datasets(head) else None
        weight = data_samples[i].get("label_weights", {}).get(task, 1.0)
        groups[dataset, weight * weights.get(dataset, 1.0)].append(i)
    return groups


def _of_samples(outputs, chosen, data_samples):
    """The raw outputs of the chosen samples."""
    if len(chosen) == len(data_samples):
        return outputs
    return tree_map(lambda output: output[chosen], outputs)


def select_outputs(head, outputs, dataset):
    """What of a head's raw output is meant for images of ``dataset``."""
    return head.select(outputs, dataset) if _datasets(head) else outputs


def _zero(outputs):
    return sum(output[:0].sum() for output in tree_leaves(outputs))


def _stack(labels, task):
    shapes = {tuple(label.shape) for label in labels}
    if len(shapes) > 1:
        raise ValueError(
            f"the {task} labels of one training batch have different sizes {sorted(shapes)}: end the training "
            f"pipeline with a transform that gives one size (RandomCrop or Resize), or train with batch_size=1."
        )
    return torch.stack(labels)
