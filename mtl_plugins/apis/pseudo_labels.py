"""A teacher's answers for the labels that a dataset lacks, written once, for training without the teacher."""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from torch import Tensor

from mtl_plugins.datasets.multi_task_dataset import MultiTaskDataset
from mtl_plugins.datasets.pseudo_labels import ABOUT, CONFIDENCE, image_key, suffix_of
from mtl_plugins.datasets.transforms import PackSample
from mtl_plugins.engine.distillation import Teacher, TeacherTask
from mtl_plugins.files import ResumableFolder, progress_bar, write_file, write_png, write_text
from mtl_plugins.functional.normals_png import encode_normals

LIST = "labels.txt"


def write_pseudo_labels(
    dataset: MultiTaskDataset, teacher: Teacher, out: str | Path, batch_size: int = 4, show: bool = True
) -> dict:
    """Write ``teacher``'s labels for all images of ``dataset`` that lack them into ``out``; returns a summary.

    The files are what ``PseudoLabels`` (a dataset's ``pseudo_labels=out``) reads; ``labels.txt`` says of each image
    which of its labels are real, which are pseudo and which are missing. What is written already is not done again; a
    run that was killed goes on.

    Raises:
        ValueError: ``out`` holds labels of another teacher or with other settings.
        TeacherError: see `Teacher.scores`.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: at least one image at a time.")
    out, packer = Path(out), PackSample()
    about = dict(
        teacher=teacher.name,
        flip=teacher.flip,
        input_size=teacher.input_size,
        tasks={task: _settings(setting) for task, setting in teacher.tasks.items()},
    )
    about["tasks"] = {task: s | _classes(dataset, task, s) for task, s in about["tasks"].items()}
    target = _target(out, about)
    target.begin()
    todo = {i: tasks for i, sample in enumerate(dataset.samples) if (tasks := _todo(sample, dataset, teacher, out))}
    counts = dict.fromkeys(teacher.tasks, 0)
    with progress_bar("pseudo-labels", len(todo), show=show) as advance:
        waiting = iter(todo.items())
        while batch := list(islice(waiting, batch_size)):
            packed = [packer(dataset.read(index)) for index, _ in batch]
            tasks = tuple(task for task in teacher.tasks if any(task in wanted for _, wanted in batch))
            answers = teacher.scores([p["inputs"] for p in packed], [p["data_samples"] for p in packed], tasks)
            for position, (index, wanted) in enumerate(batch):
                key = image_key(dataset.samples[index].img, dataset.data_root)
                for task in wanted:
                    _write(out, task, key, teacher.tasks[task], answers[task][position])
                    counts[task] += 1
                advance()
    listed = _list(dataset, teacher, out)
    target.finish({})
    return dict(images=len(dataset.samples), written=counts, listed=listed)


def _settings(setting: TeacherTask) -> dict:
    kept = dict(kind=setting.kind)
    if setting.kind == "classes":
        kept |= dict(confidence=setting.confidence, class_map=list(setting.class_map or ()))
    if setting.kind == "depth":
        kept |= dict(scale=setting.scale, max_depth=setting.max_depth)
    return kept


def _classes(dataset, task, setting):
    own = task == "semseg" and setting["kind"] == "classes"
    return dict(num_classes=dataset.num_classes) if own else {}


def _target(out, about) -> ResumableFolder:
    """The folder, unless it holds other things: labels of another teacher do not mix."""
    target = ResumableFolder(out, Path(ABOUT).stem, "pseudo-labels", about)
    held = next((json.loads(file.read_text()) for file in (target.marker, target.started) if file.is_file()), None)
    if held is None and out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty and holds no pseudo-labels; give a new or an empty folder.")
    if held not in (None, target.identity):
        raise ValueError(f"{out} holds pseudo-labels of another teacher or settings: {held}. Give another folder.")
    return target


def _todo(sample, dataset, teacher, out):
    key = image_key(sample.img, dataset.data_root)
    lacking = (task for task in teacher.tasks if task not in sample.labels)
    return [task for task in lacking if not _path(out, task, key, teacher.tasks[task]).is_file()]


def _path(out, task, key, setting):
    return out / task / f"{key}{suffix_of(setting.kind)}"


def _write(out: Path, task: str, key: str, setting: TeacherTask, scores: Tensor) -> None:
    label, confidence = setting.labels(scores[None])
    path = _path(out, task, key, setting)
    path.parent.mkdir(parents=True, exist_ok=True)
    if confidence is not None:  # first: the label's own file says that both are there
        sure = out / CONFIDENCE / task / f"{key}.png"
        sure.parent.mkdir(parents=True, exist_ok=True)
        write_png(sure, confidence[0, 0].cpu().numpy())
    values = label[0].cpu().numpy()
    if setting.kind == "classes":
        write_png(path, values[0])
    elif setting.kind == "depth":
        write_png(path, np.rint(values[0] * setting.scale).astype(np.uint16))
    elif setting.kind == "normals":
        write_png(path, encode_normals(scores.cpu().numpy().transpose(1, 2, 0)))  # rounded once, as labels() does
    else:
        write_file(path, lambda file: np.save(file, values))


def _list(dataset: MultiTaskDataset, teacher: Teacher, out: Path) -> dict[str, dict[str, int]]:
    """Write the list of what is real; returns ``{task: {'real': images, 'pseudo': …, 'missing': …}}``."""
    tasks = tuple(dict.fromkeys((*dataset.tasks, *teacher.tasks)))
    lines, counts = [f"# image\t{'	'.join(tasks)}\n"], {task: dict(real=0, pseudo=0, missing=0) for task in tasks}
    for sample in dataset.samples:
        key, states = image_key(sample.img, dataset.data_root), []
        for task in tasks:
            made = task in teacher.tasks and _path(out, task, key, teacher.tasks[task]).is_file()
            states.append("real" if task in sample.labels else "pseudo" if made else "missing")
            counts[task][states[-1]] += 1
        lines.append("\t".join([str(sample.img), *states]) + "\n")
    write_text(out / LIST, "".join(lines))
    return counts


def datasets_of(dataset, names: Sequence[str] | None = None) -> dict[str, MultiTaskDataset]:
    """The datasets inside a built one, by name (``''`` where there is one alone).

    Raises:
        ValueError: a name that is not among them.
    """
    parts = dict(getattr(dataset, "datasets", None) or {"": dataset})
    unknown = [name for name in names or () if name not in parts]
    if unknown:
        raise ValueError(f"there is no dataset {unknown[0]!r} in the config; it has {', '.join(parts) or 'one alone'}.")
    return {name: part for name, part in parts.items() if not names or name in names}
