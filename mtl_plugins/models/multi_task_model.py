from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel, ModuleDict
from mmengine.structures import BaseDataElement
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from mtl_plugins.registry import MODELS
from mtl_plugins.structures import TaskData

from .balancers import Balancer, build_balancer
from .balancers.task_losses import gather_losses
from .build_part import build_part, class_of
from .data_preprocessor import MultiTaskDataPreprocessor, check_mean, check_std
from .forward_pass import (
    CompiledForward,
    ForwardResult,
    Outputs,
    features_of,
    run_eagerly,
    shared_features,
    without_auxiliary,
)
from .heads import complete_head, head_method

_UNLABELLED = "loss_unlabelled"  # the zero loss of a task without labels in the batch
_TOTAL = "balanced_total"  # what a balancer makes of the losses


@MODELS.register_module()
class MultiTaskModel(BaseModel):
    """One backbone, one neck, and one head per task.

    Args:
        backbone: Config of a module with `out_channels` and `out_strides` (finest first), and with the `mean` and
            `std` of its input (ImageNet's if it has none). Weights that `pretrained=True` downloads are loaded by
            `init_weights`, at the start of a training; a network that gets the weights of a checkpoint does not need
            them. Like a neck, it may have a parameter `tasks`, may return a dict with one list of features per task,
            and may have `prune(tasks)`.
        neck: Config of a module that is built with the backbone's `in_channels` and `in_strides` and has its own
            `out_channels` and `out_strides`. If its constructor has a parameter `tasks`, it gets the names of the
            tasks. Its `forward` returns one list of features for all heads, or a dict with one list per task;
            `out_channels` and `out_strides` are then dicts by task, too, if they differ. In training it may return a
            `NeckOutput` with auxiliary outputs of tasks instead. They are compared with the labels as the outputs of
            the heads are, and the losses are added times the neck's `auxiliary_weight` (1 by default), as
            `<task>.loss_<name>_aux<i>`. Optional methods: `attach(heads)` is called when the heads are built, for
            layers that depend on their `out_channels`; `loss(features, data_samples)` returns additional losses by name
            (`{'loss_<name>': scalar}`, logged as `neck.loss_<name>`) from the features; `prune(tasks)` removes what
            only other tasks need. With `reads_tasks = True` the class reads a backbone with features for each
            task. With None, the heads read the backbone.
        heads: Configs by task (see `TaskHead`), each built with the neck's `in_channels` and `in_strides`. A task set
            to None is left out. The name of the task is also the name of its label, its prediction, its losses
            (`depth.loss_berhu`) and its metrics.
        hint: Config of a module that compares the neck's finest features with a teacher's (`FeatureHint`), for samples
            that have them as `hint`. It needs one list of features for all heads.
        balancer: Config of a `Balancer`, which decides how much each task counts. With None, the losses are summed.
        data_preprocessor: Config of a `MultiTaskDataPreprocessor`. The backbone's `mean` and `std` are used unless they
            are set here.
        channels_last: Whether the weights use the channels-last layout.
        init_cfg: As in mmengine's `BaseModule`.

    Raises:
        ValueError: No task is left, the balancer is unknown, a head has an unknown kind, the neck has no features for a
            head, or the mean or std of the images is not allowed.
    """

    def __init__(
        self,
        backbone: dict,
        heads: dict[str, dict | None],
        neck: dict | None = None,
        hint: dict | None = None,
        balancer: dict | None = None,
        data_preprocessor: dict | None = None,
        channels_last: bool = True,
        init_cfg: dict | None = None,
    ):
        configs = {task: config for task, config in heads.items() if config is not None}
        if not configs:
            raise ValueError(
                "model.heads has no task: add at least one, such as heads=dict(depth=dict(type='DepthHead'))."
            )
        tasks = tuple(configs)
        downloads = _downloads(backbone)
        built: Any = build_part({**backbone, "pretrained": False} if downloads else backbone, tasks)
        super().__init__(_build_preprocessor(data_preprocessor, built), init_cfg)
        self.backbone = built
        self.awaits_pretrained = downloads
        self.neck = _build_neck(neck, self.backbone, tasks) if neck else None
        source = self.neck or self.backbone
        self.heads = ModuleDict({task: MODELS.build({**_sizes(source, task), **c}) for task, c in configs.items()})
        for task, head in self.heads.items():
            complete_head(task, head)
        attach: Any = getattr(self.neck, "attach", None)
        if attach is not None:
            attach(self.heads)
        self.hint = MODELS.build({**_sizes(source), **hint}) if hint else None
        self.balancer: Balancer | None = None if balancer is None else build_balancer(balancer, self.heads)
        self.forward_pass: Callable[..., ForwardResult] = run_eagerly
        if self.balancer is not None:
            self.balancer.attach(self)
        if channels_last:
            _to_channels_last(self)

    awaits_pretrained: bool
    """Whether `init_weights` downloads weights of the backbone. Set it to False if a checkpoint replaces them."""

    def init_weights(self) -> None:
        """Initialise the weights. Those of `backbone.pretrained=True` are downloaded.

        Raises:
            ConnectionError: They cannot be downloaded. Everything else is initialised.
        """
        try:
            if self.awaits_pretrained:
                self.backbone.load_pretrained(True)
                self.awaits_pretrained = False
        finally:
            super().init_weights()  # last: `init_cfg` may load a complete checkpoint

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in the order of the heads."""
        return tuple(self.heads)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets that at least one head distinguishes. Empty if all images are treated alike."""
        return tuple(dict.fromkeys(name for head in self.heads.values() for name in _datasets(head)))

    def forward(self, inputs: Tensor, data_samples: list[BaseDataElement] | None = None, mode: str = "tensor") -> Any:
        """Compute raw outputs, losses or predictions.

        Args:
            inputs: Normalised images (N, 3, H, W).
            data_samples: One sample per image. Labels are fields of `sample.gt`; a missing label is a missing field.
            mode: `'tensor'`, `'loss'` or `'predict'`.

        Returns:
            `'tensor'`: raw outputs by task. `'loss'`: scalars by name (`<task>.loss_<name>`). `'predict'`: the samples,
            each with `.pred`.
        """
        if mode == "tensor":
            return self.outputs(inputs)
        if mode in ("loss", "predict"):
            assert data_samples is not None
            return self.loss(inputs, data_samples) if mode == "loss" else self.predict(inputs, data_samples)
        raise ValueError(f"mode={mode!r} is not one of 'tensor', 'loss', 'predict'.")

    def extract_features(self, images: Tensor, tasks: Sequence[str] | None = None) -> dict[str, Sequence[Tensor]]:
        """The features that each head reads, finest first.

        Args:
            images: Normalised images (N, 3, H, W).
            tasks: Tasks to return; all by default.
        """
        features = without_auxiliary(shared_features(self, images)).features
        wanted = self.tasks if tasks is None else tasks
        return {task: features_of(features, task, self) for task in wanted}

    def outputs(self, images: Tensor, tasks: Sequence[str] | None = None) -> dict[str, Outputs]:
        """Raw outputs by task: a tensor or a tree of tensors each, with the sample as the first axis.

        Args:
            images: Normalised images (N, 3, H, W).
            tasks: Heads to compute; all by default.
        """
        return self.forward_pass(self, images, tasks).outputs

    def compile_network(self, **options: Any) -> None:
        """Compile the forward pass up to the raw outputs; losses and resizing stay eager.

        Copies of the model are not compiled.

        Args:
            **options: Options of `torch.compile`.
        """
        self.forward_pass = CompiledForward(**options)

    def loss(self, inputs: Tensor, data_samples: list[BaseDataElement]) -> dict[str, Tensor]:
        """Losses of each task over the samples that have its label.

        The loss is computed per (dataset, label weight) group and averaged by each group's share of the samples. Label
        weights are in a sample's metainfo (`label_weights={task: weight}`).

        A task without a label in the batch has the loss `<task>.loss_unlabelled`: a zero that keeps its head in the
        graph, because under DDP every parameter must take part in every step. It is not logged.
        """
        balancer = self.balancer if self.training and torch.is_grad_enabled() else None
        branch = None
        if balancer is not None:
            balancer.start_step()
            branch = balancer.branch_point()
        given = () if branch is None else (branch,)
        features, outputs, auxiliary = self.forward_pass(self, inputs, None, *given)
        shared = self._shared_losses(features, data_samples)
        labelled = {task: self._task_loss(task, output, data_samples) for task, output in outputs.items()}
        soft = {task: self._soft_loss(task, output, data_samples) for task, output in outputs.items()}
        for task, index, output in self._auxiliary_outputs(auxiliary):
            for losses_of, loss in ((labelled, self._task_loss), (soft, self._soft_loss)):
                losses_of[task] |= self._as_auxiliary(loss(task, output, data_samples), index)
        losses = {**shared}
        for task in outputs:
            losses |= {**labelled[task], **soft[task]}
        if balancer is not None:
            counts = {task: sum(task in sample.gt for sample in data_samples) for task in outputs}
            gathered = gather_losses(
                {task: _sum(found) for task, found in labelled.items()},
                counts,
                {task: _sum(found) for task, found in soft.items() if found},
                balancer.task_weights,
                _sum(shared) if shared else None,
            )
            losses[_TOTAL] = balancer.total(gathered, self, branch)
        return losses

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The total loss and the values to log: as in mmengine, without the zeros of unlabelled tasks.

        The total is the balancer's, if the model has one.
        """
        balanced = losses.get(_TOTAL)
        total, values = super().parse_losses({name: value for name, value in losses.items() if name != _TOTAL})
        values = {name: value for name, value in values.items() if not name.endswith(_UNLABELLED)}
        if balanced is not None:
            total = values["loss"] = balanced
        return total, values

    def predict(
        self,
        inputs: Tensor,
        data_samples: list[BaseDataElement],
        predict_maps: Callable[..., dict[str, Outputs]] | None = None,
    ) -> list[BaseDataElement]:
        """Add each task's prediction at the image's original size (`ori_shape`) to the samples, as `sample.pred`.

        Images that were padded to a common size are cropped first, so the predictions of a batch equal those of its
        images.

        Args:
            inputs: Normalised images (N, 3, H, W).
            data_samples: One sample per image.
            predict_maps: Called instead of the method of this name.
        """
        predict_maps = predict_maps or self.predict_maps
        groups = defaultdict(list)
        distinguish = bool(self.datasets)
        for i, sample in enumerate(data_samples):
            shape = tuple(sample.get("img_shape", inputs.shape[-2:]))
            dataset = sample.get("dataset") if distinguish else None
            groups[shape, tuple(sample.get("ori_shape", shape)), dataset].append(i)
        for ((height, width), size, dataset), chosen in groups.items():
            images = inputs if len(chosen) == len(inputs) else inputs[chosen]
            predicted = predict_maps(images[..., :height, :width], size, dataset)
            predictions = {task: _with_channel(found) for task, found in predicted.items()}
            for position, i in enumerate(chosen):
                of_image = {task: _at(found, position) for task, found in predictions.items()}
                data_samples[i].pred = TaskData(**of_image)
        return data_samples

    def predict_maps(self, images: Tensor, size: tuple[int, int], dataset: str | None = None) -> dict[str, Outputs]:
        """Predictions by task for images of one dataset.

        Args:
            images: Normalised images (N, 3, H, W) without padding.
            size: (H, W) of the predicted maps.
            dataset: Name of the dataset, for heads that distinguish datasets.

        Returns:
            Maps (N, K, *size), or what the head predicts instead.
        """
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
    ) -> dict[str, Outputs]:
        """Scores by task, which predictions are made from: class probabilities, metres, unit vectors (N, K, *size).

        Args:
            images: Normalised images (N, 3, H, W) without padding.
            size: (H, W) of the scores.
            dataset: Name of the dataset, for heads that distinguish datasets.
            tasks: Heads to compute; all by default.
        """
        return {
            task: _with_channel(
                head_method(self.heads[task], "scores")(select_outputs(self.heads[task], outputs, dataset), size)
            )
            for task, outputs in self.outputs(images, tasks).items()
        }

    def undo_mirror(self, task: str, scores: Outputs) -> Outputs:
        """Convert a task's scores of the horizontally mirrored image to scores of the image."""
        return head_method(self.heads[task], "undo_mirror")(scores)

    def _shared_losses(self, features, data_samples):
        """Losses of the neck and of the hint."""
        losses = {}
        shared: Any = getattr(self.neck, "loss", None)
        if shared is not None:
            losses.update({f"neck.{name}": value for name, value in shared(features, data_samples).items()})
        if self.hint is not None:
            if isinstance(features, Mapping):
                raise ValueError("model.hint needs a neck with one list of features for all heads, not one per task.")
            losses["hint.loss_hint"] = self.hint(features, [sample.get("hint") for sample in data_samples])
        return losses

    def _auxiliary_outputs(self, auxiliary):
        """(task, index, raw output) of each auxiliary output of the neck."""
        unknown = [task for task in auxiliary if task not in self.heads]
        if unknown:
            raise ValueError(
                f"{type(self.neck).__name__} returned auxiliary outputs for {', '.join(map(str, unknown))}, but the "
                f"heads are {', '.join(self.tasks)}. An auxiliary output uses the loss of its task's head."
            )
        return [(task, i, output) for task, outputs in auxiliary.items() for i, output in enumerate(outputs)]

    def _as_auxiliary(self, losses, index):
        """The losses of an auxiliary output under their names, weighted. The zero without labels stays unlogged."""
        weight = getattr(self.neck, "auxiliary_weight", 1.0)
        renamed = {}
        for name, value in losses.items():
            task, _, rest = name.rpartition(".")
            new = f"{task}.aux{index}_{_UNLABELLED}" if rest == _UNLABELLED else f"{name}_aux{index}"
            renamed[new] = weight * value
        return renamed

    def _task_loss(self, task, outputs, data_samples):
        head, losses = self.heads[task], {}
        labelled = [i for i, sample in enumerate(data_samples) if task in sample.gt]
        if not labelled:
            return {f"{task}.{_UNLABELLED}": _zero(outputs)}
        for (dataset, weight), chosen in _group(head, task, data_samples, labelled).items():
            targets = _stack([data_samples[i].gt.get(task) for i in chosen], task)
            selected = select_outputs(head, _of_samples(outputs, chosen, data_samples), dataset)
            weight = weight * len(chosen) / len(labelled)
            for name, value in head.loss(selected, targets).items():
                losses[f"{task}.{name}"] = losses.get(f"{task}.{name}", 0.0) + weight * value
        return losses

    def _soft_loss(self, task, outputs, data_samples):
        """The loss against a teacher's raw outputs, for samples that have them as `soft.<task>`."""
        chosen = [i for i, sample in enumerate(data_samples) if task in sample.get("soft", ())]
        if not chosen:
            return {}
        targets = _stack([data_samples[i].soft.get(task) for i in chosen], task)
        share = len(chosen) / len(data_samples)
        losses = head_method(self.heads[task], "soft_loss")(_of_samples(outputs, chosen, data_samples), targets)
        return {f"{task}.{name}": share * value for name, value in losses.items()}


def select_outputs(head: Any, outputs: Outputs, dataset: str | None) -> Outputs:
    """The part of a head's raw output that belongs to `dataset`."""
    return head.select(outputs, dataset) if _datasets(head) else outputs


def _downloads(backbone: dict) -> bool:
    """Whether a backbone downloads weights that it can also load later."""
    return backbone.get("pretrained") is True and hasattr(MODELS.get(backbone["type"]), "load_pretrained")


def _build_preprocessor(config, backbone):
    """The preprocessor with the backbone's mean and std, unless the config sets others."""
    config = dict(type="MultiTaskDataPreprocessor") | dict(config or {})
    kind = config["type"]
    kind = kind if isinstance(kind, type) else MODELS.get(kind)
    if isinstance(kind, type) and issubclass(kind, MultiTaskDataPreprocessor):
        for name, imagenet, check in (
            ("mean", IMAGENET_DEFAULT_MEAN, check_mean),
            ("std", IMAGENET_DEFAULT_STD, check_std),
        ):
            if config.get(name) is None:
                given = getattr(backbone, name, None)
                config[name] = imagenet if given is None else check(given, f"{type(backbone).__name__}.{name}")
    return MODELS.build(config)


def _build_neck(config, backbone, tasks):
    sizes = _sizes(backbone)
    by_task = any(isinstance(value, Mapping) for value in sizes.values())
    if by_task and not getattr(class_of(config), "reads_tasks", False):
        raise ValueError(
            f"{type(backbone).__name__} has features for each task, but {config['type']} reads one list of features. "
            "Set model.neck=None and give each head a decoder."
        )
    return build_part(config, tasks, **sizes)


def _to_channels_last(module):
    for parameter in module.parameters():
        if parameter.dim() == 4:  # nn.Module.to(memory_format=...) fails on 3D convolutions (5-D weights)
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _sizes(module, task=None):
    """The channels and strides that `module` passes on; those of `task` if they differ between tasks."""
    sizes = {}
    for name, source in (("in_channels", "out_channels"), ("in_strides", "out_strides")):
        value = getattr(module, source)
        if isinstance(value, Mapping) and task:
            if task not in value:
                raise ValueError(
                    f"{type(module).__name__}.{source} has entries for {', '.join(value) or 'no task'}, but none for "
                    f"the head {task!r}. Add one, or remove the head with model.heads=dict({task}=None)."
                )
            value = value[task]
        sizes[name] = value
    return sizes


def _datasets(head):
    return getattr(head, "datasets", ())


def _group(head, task, data_samples, labelled):
    """Indices of the labelled samples by (dataset, weight): the loss of each group is computed at once."""
    weights = getattr(head, "dataset_weights", {})
    groups = defaultdict(list)
    for i in labelled:
        dataset = data_samples[i].get("dataset") if weights or _datasets(head) else None
        weight = data_samples[i].get("label_weights", {}).get(task, 1.0)
        groups[dataset, weight * weights.get(dataset, 1.0)].append(i)
    return groups


def _of_samples(outputs, chosen, data_samples):
    """The raw outputs of the chosen samples."""
    return outputs if len(chosen) == len(data_samples) else _at(outputs, chosen)


def _with_channel(tree):
    """One number per image, (N,), as a vector (N, 1), the form of its label."""
    return tree_map(lambda tensor: tensor[:, None] if tensor.ndim == 1 else tensor, tree)


def _at(tree, index):
    return tree_map(lambda tensor: tensor[index], tree)


def _sum(losses):
    """The sum of losses by name, as mmengine sums them."""
    return sum(value.mean() for name, value in losses.items() if "loss" in name)


def _zero(outputs):
    return sum(output[:0].sum() for output in tree_leaves(outputs))


def _stack(labels, task):
    """The labels (tensors, or trees of tensors) of several samples as a batch."""
    shapes = {tuple(tuple(leaf.shape) for leaf in tree_leaves(label)) for label in labels}
    if len(shapes) > 1:
        sizes = sorted((shape[0] if len(shape) == 1 else shape for shape in shapes), key=str)
        raise ValueError(
            f"the {task} labels of one training batch have different sizes {sizes}: end the training "
            f"pipeline with a transform that produces one size (RandomCrop or Resize), or train with batch_size=1."
        )
    return tree_map(lambda *leaves: torch.stack(leaves), *labels)
