import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from os.path import normpath
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mtl_plugins.kernels import warm_up
from mtl_plugins.kinds import kinds_of_heads
from mtl_plugins.registry import MODELS

from ..checkpoint import (
    check_meta,
    extract_state_dict,
    find_checkpoint,
    is_address,
    read_checkpoint,
    require_same_model,
)
from ..normalisation import check_normalisation
from ..optim_wrapper import autocast_context
from ..read_config import read_config
from .teacher_task import TeacherTask


class TeacherError(ValueError):
    """A teacher's output cannot be converted to labels."""


class Teacher:
    """A frozen model that predicts missing labels: maps (K, H, W), or vectors (K,) of the complete image.

    Images are normalised with the teacher's own `data_preprocessor`.

    Args:
        tasks: The tasks it labels: names, or `{name: options}` with the options of `TeacherTask`.
        model: Config of a registered model that has `predict_scores`: `MultiTaskModel`, `SMPModel`, `TorchvisionModel`,
            `OnnxModel`; or the built model.
        config: Alternatively, a config file with a `model`.
        checkpoint: Its weights: a checkpoint of this project, a plain state dict, one whose keys have no `network.`
            prefix (a third-party network), or the work_dir of its training, whose last checkpoint is used.
        input_size: (H, W) to resize images to, or a factor of their size; by default images keep their size.
        flip: Whether to average the predictions of the image and its mirror image.
        datasets: The datasets whose images it labels, if there are several; by default all.
        dataset: The dataset whose class range the teacher predicts, if its heads serve several; by default the dataset
            of the image.
        precision: Precision of its forward pass; `'auto'` is bfloat16 if the hardware supports it.
        channels_last: Whether its weights are stored channels-last.
        compile: Whether to compile its forward pass, or options of `torch.compile`.
        hint: Whether to return the finest features of its neck for the student's `FeatureHint`.
        name: Name in messages.
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
            raise TypeError(f"A teacher's tasks are a list of names or a dict of options by name; given: {tasks!r}.")
        options = tasks if isinstance(tasks, dict) else dict.fromkeys(tasks)
        self.tasks: dict[str, TeacherTask] = {task: TeacherTask.of(task, setting) for task, setting in options.items()}
        self.name: str = name or str(checkpoint or config or _config_name(model))
        self.input_size, self.flip, self.precision = input_size, flip, precision
        self.datasets = None if datasets is None else set(datasets)
        self.dataset = dataset
        self.model: Any = self._build(model, config, checkpoint)
        self.model.eval().requires_grad_(False)
        if channels_last:
            self.model.to(memory_format=torch.channels_last)
        self._scores = self.model.predict_scores
        if compile:
            self._scores = torch.compile(self._scores, **(compile if isinstance(compile, dict) else {}))
        self._check_tasks()
        self._adopt_kinds(options)
        #: With `hint`: features (C, h, w) of each image of the last call of `scores`
        self.features: list[Tensor] | None = None
        self._neck_outputs: list[Tensor] = []
        self.hint = hint
        if hint:
            neck = getattr(self.model, "neck", None) or getattr(self.model, "backbone", None)
            if neck is None:
                raise TypeError(
                    f"The teacher {self.name} has neither a neck nor a backbone, so hint=True is impossible."
                )
            neck.register_forward_hook(lambda module, inputs, outputs: self._keep_finest(outputs))

    def _keep_finest(self, features: Any) -> None:
        if isinstance(features, Mapping):
            raise TeacherError(
                f"The neck of the teacher {self.name} returns features by task ({', '.join(map(str, features))}), but "
                "hint=True needs one list of features for all heads. Remove hint=True."
            )
        self._neck_outputs.append(features[0])

    def _build(self, model: Any, config: str | Path | None, checkpoint: str | Path | None) -> Any:
        if isinstance(model, nn.Module):
            return model
        if (model is None) == (config is None):
            raise ValueError(f"The teacher {self.name} needs either model=dict(type=...) or config=FILE.")
        model = ConfigDict(model) if config is None else read_config(config).model
        if checkpoint is not None and model.get("backbone", {}).get("pretrained"):
            model.backbone.pretrained = False  # the checkpoint contains the weights
        built = MODELS.build(model)
        if checkpoint is None and any(True for _ in built.parameters()):
            print_log(
                f"The teacher {self.name} has no checkpoint and predicts with random weights.",
                "current",
                logging.WARNING,
            )
        if checkpoint is not None:
            if not is_address(checkpoint):
                checkpoint = self._last_checkpoint(Path(checkpoint).expanduser(), config)
            content = read_checkpoint(checkpoint)
            # The weights of a third-party network do not have the prefix of the adapter around it.
            inner = getattr(built, "network", None)
            bare = inner is not None and not any(k.startswith("network.") for k in extract_state_dict(content))
            target = inner if inner is not None and bare else built
            require_same_model(target, content, str(checkpoint))
            target.load_state_dict(extract_state_dict(content), strict=False)  # counters of batch norm may be missing
            check_meta(content, str(checkpoint))
            check_normalisation(built, content, f"The teacher's checkpoint {checkpoint}")
        return built

    def _last_checkpoint(self, path: Path, config: str | Path | None) -> Path | str:
        if path.is_file() or (path.suffix and not path.is_dir()):
            return path
        last = find_checkpoint(path) if path.is_dir() else None
        if last is None:
            fault = "contains no checkpoint" if path.is_dir() else "does not exist"
            command = f" with mtl train {normpath(config)} --work-dir {path}" if config else ""
            raise FileNotFoundError(
                f"The teacher {self.name}: {path} {fault}. Train it first{command}, or set the teacher's checkpoint."
            )
        return last

    def _check_tasks(self) -> None:
        if not hasattr(self.model, "predict_scores"):
            raise TypeError(f"The teacher {self.name} is a {type(self.model).__name__}, which has no predict_scores.")
        known = tuple(self.model.tasks)
        unknown = [setting.teacher_task for setting in self.tasks.values() if setting.teacher_task not in known]
        if unknown:
            raise ValueError(
                f"The teacher {self.name} has no task {unknown[0]!r}; its tasks are {', '.join(known)}. If the task "
                f"has another name there: tasks=dict(semseg=dict(teacher_task={known[0]!r}))."
            )

    def _adopt_kinds(self, options: Mapping[str, dict | None]) -> None:
        """Use the kinds of the model's heads for tasks whose kind is not set."""
        kinds = kinds_of_heads(getattr(self.model, "heads", {}))
        kinds |= {task: kind.name for task, kind in getattr(self.model, "kinds", {}).items()}
        for task, setting in self.tasks.items():
            if not (options[task] or {}).get("kind"):
                setting.kind = kinds.get(setting.teacher_task or task, setting.kind)

    def to(self, device: torch.device | str) -> "Teacher":
        """Move the model to a device; on a CPU, also compile and load the kernels that it uses."""
        if torch.device(device).type == "cpu":
            warm_up()
        self.model.to(device)
        return self

    def applies_to(self, sample: BaseDataElement) -> bool:
        """Whether it labels images of the sample's dataset."""
        return self.datasets is None or sample.get("dataset") in self.datasets

    def scores(
        self, images: Sequence[Tensor], samples: Sequence[BaseDataElement], tasks: Sequence[str]
    ) -> dict[str, list[Tensor]]:
        """Predict scores without gradients; images of one size run in one batch.

        Args:
            images: uint8 images (3, H, W).
            samples: Their data samples.
            tasks: The tasks to predict.

        Returns:
            `{task: scores}`, a list of (K, H, W) at each sample's label size, or of (K,).

        Raises:
            TeacherError: The scores are not a single tensor per task, contain NaN or infinity, or have the wrong size
                or number of classes.
        """
        groups = defaultdict(list)
        for i, (image, sample) in enumerate(zip(images, samples, strict=True)):
            size = tuple(sample.get("ori_shape", image.shape[-2:]))
            groups[tuple(image.shape[-2:]), size, self.dataset or sample.get("dataset")].append(i)
        found: dict[str, list] = {task: [None] * len(images) for task in tasks}
        features: list[Any] = [None] * len(images)
        for (_, size, dataset), chosen in groups.items():
            predicted = self._predict([images[i] for i in chosen], size, dataset, tasks)
            for task, scores in predicted.items():
                self._check(task, scores, size, [samples[i] for i in chosen])
                for position, i in enumerate(chosen):
                    found[task][i] = scores[position]
            if self.hint:
                finest = self._neck_outputs[0].clone().float()  # of the image, not of its mirror image
                for position, i in enumerate(chosen):
                    features[i] = finest[position]
        self.features = features if self.hint else None
        return found

    def prepare(self, images: Sequence[Tensor]) -> Tensor:
        """Convert uint8 images (3, H, W) of one size to a batch for the model."""
        batch = self.model.data_preprocessor({"inputs": list(images)}, False)["inputs"]
        return self._at_input_size(batch)

    def forward(
        self, batch: Tensor, size: tuple[int, int], dataset: str | None, names: Sequence[str]
    ) -> dict[str, Tensor]:
        """Run the forward pass only.

        Args:
            batch: Images as `prepare` returns them.
            size: (H, W) of the scores.
            dataset: The dataset whose class range the model predicts.
            names: The model's names of the tasks.

        Returns:
            `{name: scores}`, (N, K, H, W) or (N, K).

        Raises:
            TeacherError: The scores of a task are not a single tensor.
        """
        self._neck_outputs.clear()
        with torch.inference_mode(), autocast_context(self.precision, batch.device):
            scores = self._scores(batch, size, dataset, tuple(names))
            self._check_tensors(scores)
            if self.flip:
                mirrored = self._scores(batch.flip(-1), size, dataset, tuple(names))
                scores = {k: (v + self.model.undo_mirror(k, mirrored[k])) / 2 for k, v in scores.items()}
        return scores

    @torch.no_grad()
    def _predict(
        self, images: Sequence[Tensor], size: tuple[int, int], dataset: str | None, tasks: Sequence[str]
    ) -> dict[str, Tensor]:
        names = {task: self.tasks[task].teacher_task or task for task in tasks}
        scores = self.forward(self.prepare(images), size, dataset, tuple(names.values()))
        return {task: scores[name].float() for task, name in names.items()}

    def _at_input_size(self, batch: Tensor) -> Tensor:
        if self.input_size is None:
            return batch
        size = self.input_size
        if isinstance(size, int | float):
            factor = size
            size = (max(1, round(batch.shape[-2] * factor)), max(1, round(batch.shape[-1] * factor)))
        return F.interpolate(batch, tuple(size), mode="bilinear", align_corners=False, antialias=True)

    def _check_tensors(self, scores: Mapping[str, Any]) -> None:
        for task, value in scores.items():
            if not isinstance(value, Tensor):
                raise TeacherError(
                    f"The teacher {self.name} predicts a {type(value).__name__} for {task}. Pseudo-labels are only "
                    f"possible for tasks with one tensor: remove {task} from the teacher's tasks."
                )
            if not value.is_floating_point():
                raise TeacherError(
                    f"The teacher {self.name} predicts {value.dtype} for {task}, which cannot be averaged or rounded: "
                    f"set the kind of its head (kind = 'classes' for class ids), or implement scores(outputs, size)."
                )

    def _check(self, task: str, scores: Tensor, size: tuple[int, int], samples: Sequence[BaseDataElement]) -> None:
        images = ", ".join(str(sample.get("img_path", "?")) for sample in samples[:4])
        wrong_size = scores.ndim == 4 and tuple(scores.shape[-2:]) != tuple(size)
        if wrong_size or scores.ndim not in (2, 4) or len(scores) != len(samples):
            raise TeacherError(
                f"The teacher {self.name} predicts {task} with the shape {tuple(scores.shape)}, but {len(samples)} "
                f"maps of {size[0]}x{size[1]} are needed (images: {images})."
            )
        if not bool(scores.sum().isfinite()):  # one pass without a copy
            raise TeacherError(
                f"The teacher {self.name} predicts NaN or infinity for {task} (images: {images}). Check its "
                "checkpoint, or run it in float32: precision='float32'."
            )
        wanted = self.tasks[task].source_classes
        if wanted is not None and scores.shape[1] != wanted:
            raise TeacherError(
                f"The teacher {self.name} predicts {scores.shape[1]} classes for {task}, but its class_map "
                f"{tuple(self.tasks[task].class_map or ())} starts from {wanted}."
            )


def _config_name(model: Any) -> str:
    """A name for a teacher that is only given by a model config."""
    if not isinstance(model, dict):
        return "teacher"
    detail = next((model[key] for key in ("file", "arch", "name") if key in model), None)
    return model.get("type", "teacher") + (f" {detail}" if detail else "")
