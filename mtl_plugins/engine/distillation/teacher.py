import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log
from mmengine.runner import find_latest_checkpoint
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mtl_plugins.registry import MODELS

from ..checkpoint import extract_state_dict, load_weights, read_checkpoint, require_same_model
from ..optim_wrapper import autocast_context
from .teacher_task import TeacherTask


class TeacherError(ValueError):
    """A teacher answered what no label can be made of."""


class Teacher:
    """A frozen model that answers for labels that images lack.

    Args:
        tasks: Which it answers: names, or ``{name: options}`` of `TeacherTask`.
        model: Config of any registered model with ``predict_scores``: ``MultiTaskModel``, ``SMPModel``,
            ``TorchvisionModel``, ``OnnxModel``.
        config: Or a config file whose ``model`` it is.
        checkpoint: Its weights: ours, a bare state dict, or one whose keys lack the ``network.`` of a foreign model; or
            the work_dir of its training, whose last checkpoint is taken.
        input_size: (H, W) that it sees images at, or a factor of their size; by default their own.
        flip: Whether the mirrored image is asked too, and the answers averaged.
        datasets: Names of the datasets whose images it labels, where there are several; by default all.
        dataset: As which dataset's it answers for images, where its own heads tell datasets apart; by default theirs.
        precision: Of its forward pass: ``'auto'`` is bfloat16 where the hardware has it.
        channels_last, compile: How it is run; ``compile`` may hold options of ``torch.compile``.
        hint: Whether its neck's finest features are kept too, for the student's ``FeatureHint``.
        name: In messages.
    """

    def __init__(
        self,
        tasks: Sequence[str] | dict[str, dict | None],
        model: dict | nn.Module | None = None,
        config: str | Path | None = None,
        checkpoint: str | Path | None = None,
        input_size: tuple[int, int] | float | None = None,
        flip: bool = False,
        datasets: Sequence[str] | None = None,
        dataset: str | None = None,
        precision: str = "auto",
        channels_last: bool = True,
        compile: bool | dict = False,
        hint: bool = False,
        name: str | None = None,
    ):
        if isinstance(tasks, str):
            raise TypeError(f"a teacher's tasks are a list of names, or a dict of options by name; given: {tasks!r}.")
        options = tasks if isinstance(tasks, dict) else dict.fromkeys(tasks)
        self.tasks = {task: TeacherTask.of(task, setting) for task, setting in options.items()}
        self.name = name or str(checkpoint or config or _told(model))
        self.input_size, self.flip, self.precision = input_size, flip, precision
        self.datasets = None if datasets is None else set(datasets)
        self.dataset = dataset
        self.model = model if isinstance(model, nn.Module) else self._build(model, config, checkpoint)
        self.model.eval().requires_grad_(False)
        if channels_last:
            self.model.to(memory_format=torch.channels_last)
        self._scores = self.model.predict_scores
        if compile:
            self._scores = torch.compile(self._scores, **(compile if isinstance(compile, dict) else {}))
        self._check_tasks()
        #: (C, h, w) of each image that was asked last, with ``hint``
        self.features: list[Tensor] | None = None
        self._seen = []
        self.hint = hint
        if hint:
            neck = getattr(self.model, "neck", None) or getattr(self.model, "backbone", None)
            if neck is None:
                raise TypeError(f"the teacher {self.name} has neither neck nor backbone, so it can give no hint.")
            neck.register_forward_hook(lambda module, inputs, outputs: self._seen.append(outputs[0]))

    def _build(self, model, config, checkpoint):
        if (model is None) == (config is None):
            raise ValueError(f"the teacher {self.name} needs one of model=dict(type=...) and config=FILE.")
        model = Config.fromfile(config).model if model is None else ConfigDict(model)
        if checkpoint is not None and model.get("backbone", {}).get("pretrained"):
            model.backbone.pretrained = False  # the checkpoint brings the weights
        built = MODELS.build(model)
        if checkpoint is None and any(True for _ in built.parameters()):
            print_log(
                f"the teacher {self.name} has no checkpoint: it answers with start values.", "current", logging.WARNING
            )
        if checkpoint is not None:
            checkpoint = self._last_of(Path(checkpoint).expanduser())
            content = read_checkpoint(checkpoint)
            # the weights of a foreign network alone have no name for what is around it
            inner = getattr(built, "network", None)
            bare = inner is not None and not any(k.startswith("network.") for k in extract_state_dict(content))
            target = inner if bare else built
            require_same_model(target, content, str(checkpoint))
            load_weights(target, content)
        return built

    def _last_of(self, path):
        if not path.is_dir():
            return path
        last = find_latest_checkpoint(str(path))
        if last is None:
            raise FileNotFoundError(f"the teacher {self.name}: there is no checkpoint in {path}. Train it first.")
        return last

    def _check_tasks(self):
        if not hasattr(self.model, "predict_scores"):
            raise TypeError(f"the teacher {self.name} is a {type(self.model).__name__}, which has no predict_scores.")
        known = tuple(self.model.tasks)
        unknown = [setting.teacher_task for setting in self.tasks.values() if setting.teacher_task not in known]
        if unknown:
            raise ValueError(
                f"the teacher {self.name} has no task {unknown[0]!r}; it has {', '.join(known)}. Where it has another "
                f"name there: tasks=dict(semseg=dict(teacher_task={known[0]!r}))."
            )

    def to(self, device: torch.device | str) -> "Teacher":
        self.model.to(device)
        return self

    def answers_for(self, sample: BaseDataElement) -> bool:
        """Whether it labels images of the sample's dataset."""
        return self.datasets is None or sample.get("dataset") in self.datasets

    def scores(
        self, images: Sequence[Tensor], samples: Sequence[BaseDataElement], tasks: Sequence[str]
    ) -> dict[str, list[Tensor]]:
        """``{task: scores}``, a list of (K, H, W) at each sample's label size, for uint8 images (3, H, W).

        Images of one size are run in one batch, without gradients, in the teacher's precision.

        Raises:
            TeacherError: an answer that holds NaN or infinity, or of another size than the labels.
        """
        groups = defaultdict(list)
        for i, (image, sample) in enumerate(zip(images, samples, strict=True)):
            size = tuple(sample.get("ori_shape", image.shape[-2:]))
            groups[tuple(image.shape[-2:]), size, self.dataset or sample.get("dataset")].append(i)
        found = {task: [None] * len(images) for task in tasks}
        self.features = [None] * len(images) if self.hint else None
        for (_, size, dataset), chosen in groups.items():
            answers = self._ask([images[i] for i in chosen], size, dataset, tasks)
            for task, scores in answers.items():
                self._check(task, scores, size, [samples[i] for i in chosen])
                for position, i in enumerate(chosen):
                    found[task][i] = scores[position]
            if self.hint:
                features = self._seen[0].clone().float()  # of the image, not of its mirror image
                for position, i in enumerate(chosen):
                    self.features[i] = features[position]
        return found

    def prepare(self, images: Sequence[Tensor]) -> Tensor:
        """uint8 images (3, H, W) of one size as a batch that the model takes."""
        batch = self.model.data_preprocessor({"inputs": list(images)}, False)["inputs"]
        return self._at_input_size(batch)

    def forward(
        self, batch: Tensor, size: tuple[int, int], dataset: str | None, names: Sequence[str]
    ) -> dict[str, Tensor]:
        """``{the teacher's own name of a task: scores}`` (N, K, *size): the forward pass, and nothing else."""
        self._seen.clear()
        with torch.inference_mode(), autocast_context(self.precision, batch.device):
            scores = self._scores(batch, size, dataset, tuple(names))
            if self.flip:
                mirrored = self._scores(batch.flip(-1), size, dataset, tuple(names))
                scores = {k: (v + self.model.undo_mirror(k, mirrored[k])) / 2 for k, v in scores.items()}
        return scores

    @torch.no_grad()
    def _ask(self, images, size, dataset, tasks):
        wanted = {task: self.tasks[task].teacher_task for task in tasks}
        scores = self.forward(self.prepare(images), size, dataset, tuple(wanted.values()))
        return {task: scores[name].float() for task, name in wanted.items()}

    def _at_input_size(self, batch):
        if self.input_size is None:
            return batch
        size = self.input_size
        if isinstance(size, int | float):
            size = [max(1, round(n * size)) for n in batch.shape[-2:]]
        return F.interpolate(batch, tuple(size), mode="bilinear", align_corners=False, antialias=True)

    def _check(self, task, scores, size, samples):
        images = ", ".join(str(sample.get("img_path", "?")) for sample in samples[:4])
        if tuple(scores.shape[-2:]) != tuple(size) or len(scores) != len(samples):
            raise TeacherError(
                f"the teacher {self.name} answers {task} with the shape {tuple(scores.shape)}, wanted are "
                f"{len(samples)} maps of {size[0]}x{size[1]} (images: {images})."
            )
        if not bool(scores.sum().isfinite()):  # one pass, and no copy
            raise TeacherError(
                f"the teacher {self.name} answers {task} with NaN or infinity (images: {images}). Is its checkpoint "
                f"sound? Run it in float32: precision='float32'."
            )
        wanted = self.tasks[task].source_classes
        if wanted is not None and scores.shape[1] != wanted:
            raise TeacherError(
                f"the teacher {self.name} answers {task} with {scores.shape[1]} classes, but its class_map "
                f"{tuple(self.tasks[task].class_map)} starts from {wanted}."
            )


def _told(model) -> str:
    """A name for a teacher that is given by a config alone."""
    if not isinstance(model, dict):
        return "teacher"
    what = next((model[key] for key in ("file", "arch", "name") if key in model), None)
    return model.get("type", "teacher") + (f" {what}" if what else "")
