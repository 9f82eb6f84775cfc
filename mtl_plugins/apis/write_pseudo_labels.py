"""Writing a teacher's predictions for missing labels to files, for training without the teacher."""

import logging
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from torch import Tensor

from mtl_plugins.datasets import MultiTaskDataset, SampleFiles
from mtl_plugins.datasets.bad_samples import READ_ERRORS
from mtl_plugins.datasets.pseudo_label_files import ABOUT, CONFIDENCE, image_key, label_path
from mtl_plugins.datasets.transforms import PackSample
from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.engine.distillation import AnyTeacher, TeacherTask
from mtl_plugins.files import ResumableFolder, progress_bar, read_json, write_png, write_text
from mtl_plugins.kinds import find_kind, meta_of_task
from mtl_plugins.kinds.kind import write_stored

LIST = "labels.txt"


def write_pseudo_labels(
    dataset: MultiTaskDataset,
    teacher: AnyTeacher,
    out: str | Path,
    batch_size: int = 4,
    show: bool = True,
) -> dict[str, Any]:
    """Write a teacher's labels for all images without them.

    The files are those that `PseudoLabels` (a dataset's `pseudo_labels=out`) reads. `labels.txt` lists for each image
    which of its labels are real, pseudo or missing. Existing files are kept, so an interrupted run can be resumed. With
    the dataset's `on_bad_sample='skip'`, images that cannot be read get no label.

    Args:
        dataset: The dataset.
        teacher: The teacher.
        out: The folder to write to.
        batch_size: Images per batch.
        show: Whether to show a progress bar.

    Returns:
        `images`: number of images; `written`: `{task: labels}` written by this call; `listed`: `{task: {"real": images,
        "pseudo": images, "missing": images}}`.

    Raises:
        ValueError: `out` contains labels of another teacher or of other settings.
        TeacherError: See `Teacher.scores`.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size} must be at least 1 image.")
    out, packer = Path(out), PackSample()
    target = _target(out, _about(dataset, teacher))
    target.begin()
    missing_in = ((i, _todo(sample, dataset, teacher, out)) for i, sample in enumerate(dataset.samples))
    todo = {i: missing for i, missing in missing_in if missing}
    counts = dict.fromkeys(teacher.tasks, 0)
    with progress_bar("pseudo-labels", len(todo), show=show) as advance:
        waiting = iter(todo.items())
        while batch := list(islice(waiting, batch_size)):
            batch, packed = _read(dataset, packer, batch)
            if not batch:
                continue
            tasks = tuple(task for task in teacher.tasks if any(task in missing for _, missing in batch))
            scores = teacher.scores([p["inputs"] for p in packed], [p["data_samples"] for p in packed], tasks)
            for position, (index, missing) in enumerate(batch):
                key = image_key(dataset.samples[index].img, dataset.data_root)
                for task in missing:
                    _write(out, task, key, teacher.tasks[task], scores[task][position])
                    counts[task] += 1
                advance()
    listed = _write_list(dataset, teacher, out)
    target.finish({})
    return dict(images=len(dataset.samples), written=counts, listed=listed)


def datasets_of(dataset: Any, names: Sequence[str] | None = None) -> dict[str, MultiTaskDataset]:
    """The parts of a built dataset by name; `{"": dataset}` if it has no parts.

    Args:
        dataset: A dataset, possibly a `MultiDataset`.
        names: The parts to return; by default all.

    Raises:
        ValueError: A part does not exist.
    """
    parts = dict(getattr(dataset, "datasets", None) or {"": dataset})
    unknown = [name for name in names or () if name not in parts]
    if unknown:
        present = ", ".join(filter(None, parts)) or "a single dataset without a name"
        hint = did_you_mean(unknown[0], parts)
        raise ValueError(f"The config has no dataset {unknown[0]!r}: {hint}It has {present}.")
    return {name: part for name, part in parts.items() if not names or name in names}


def _about(dataset: MultiTaskDataset, teacher: AnyTeacher) -> dict[str, Any]:
    """What the files depend on; stored with them."""
    tasks = {}
    for task, setting in teacher.tasks.items():
        kind, options = setting.task_kind, setting.label_options
        tasks[task] = dict(kind=kind.name) | {name: getattr(options, name) for name in kind.label_options}
        if "class_map" in tasks[task]:
            tasks[task]["class_map"] = list(options.class_map or ())
        classes = meta_of_task(task, dataset.metainfo).get("classes")
        if kind.has_classes and classes:
            tasks[task]["num_classes"] = len(classes)
    return dict(teacher=teacher.name, flip=teacher.flip, input_size=teacher.input_size, tasks=tasks)


def _target(out: Path, about: dict[str, Any]) -> ResumableFolder:
    """The folder, unless it contains something else: labels of different teachers must not mix."""
    target = ResumableFolder(out, Path(ABOUT).stem, "pseudo-labels", about)
    held = next((read_json(file) for file in (target.marker, target.started) if file.is_file()), None)
    if held is None and out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty and contains no pseudo-labels. Give a new or an empty folder.")
    for setting in (held or {}).get("tasks", {}).values():
        setting["kind"] = find_kind(setting["kind"]).name  # written as an alias by earlier versions
    if held not in (None, target.identity):
        raise ValueError(f"{out} contains pseudo-labels of another teacher or settings: {held}. Give another folder.")
    return target


def _todo(sample: SampleFiles, dataset: MultiTaskDataset, teacher: AnyTeacher, out: Path) -> list[str]:
    """The tasks for which an image has neither a real label nor a pseudo-label yet."""
    key = image_key(sample.img, dataset.data_root)
    missing = (task for task in teacher.tasks if task not in sample.labels)
    return [task for task in missing if not _path(out, task, key, teacher.tasks[task]).is_file()]


def _path(out: Path, task: str, key: str, setting: TeacherTask) -> Path:
    return label_path(out, task, key, setting.task_kind.name)


def _read(
    dataset: MultiTaskDataset, packer: PackSample, batch: list[tuple[int, list[str]]]
) -> tuple[list[tuple[int, list[str]]], list[dict[str, Any]]]:
    """The items of a batch whose samples can be read, and the samples."""
    kept, packed = [], []
    for index, missing in batch:
        try:
            sample = dataset.read(index)
        except READ_ERRORS as error:
            if dataset.on_bad_sample == "raise":
                raise
            print_log(f"{dataset.samples[index].img} gets no label: {error}", "current", logging.WARNING)
            continue
        kept.append((index, missing))
        packed.append(packer(sample))
    return kept, packed


def _write(out: Path, task: str, key: str, setting: TeacherTask, scores: Tensor) -> None:
    kind, options, path = setting.task_kind, setting.label_options, _path(out, task, key, setting)
    labels, confidences = setting.labels(scores[None])
    if confidences is not None:  # written before the label, whose file marks both as complete
        write_png(out / CONFIDENCE / task / f"{key}.png", confidences[0, 0].cpu().numpy())
    label = labels[0].cpu().numpy()
    stored = kind.encode_scores(scores.cpu().numpy(), label, options) if path.suffix == ".png" else None
    write_stored(path, stored, label)


def _write_list(dataset: MultiTaskDataset, teacher: AnyTeacher, out: Path) -> dict[str, dict[str, int]]:
    """Write the list of real, pseudo and missing labels; returns `{task: {state: images}}`."""
    tasks = tuple(dict.fromkeys((*dataset.tasks, *teacher.tasks)))
    counts = {task: dict(real=0, pseudo=0, missing=0) for task in tasks}
    lines = ["\t".join(["# image", *tasks]) + "\n"]
    for sample in dataset.samples:
        key, states = image_key(sample.img, dataset.data_root), []
        for task in tasks:
            written = task in teacher.tasks and _path(out, task, key, teacher.tasks[task]).is_file()
            states.append("real" if task in sample.labels else "pseudo" if written else "missing")
            counts[task][states[-1]] += 1
        lines.append("\t".join([str(sample.img), *states]) + "\n")
    write_text(out / LIST, "".join(lines))
    return counts
