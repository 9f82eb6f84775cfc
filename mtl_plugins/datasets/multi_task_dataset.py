import os
from collections import Counter
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch.utils.data import Dataset

from mtl_plugins.structures import Intrinsics

from .errors import DataError
from .readers import find_reader, read_image
from .seeded_draw import seeded_draw
from .transforms import Pipeline


class SampleFiles(NamedTuple):
    """Where the parts of one sample lie; a label that is missing is a key that is missing."""

    img: Path
    labels: dict  # {task: Path}
    intrinsics: tuple | None = None  # fx, fy, cx, cy


class MultiTaskDataset(Dataset):
    """Images with whichever labels each of them has.

    A subclass gives ``METAINFO`` (classes and palette of ``semseg``), ``HOW_TO_PREPARE`` (a sentence on how to make the
    data), ``default_labels()`` and ``list_samples()``.

    ``dataset[i]`` is a dict with ``img``, the labels under their tasks' names, perhaps ``intrinsics``, and
    ``meta``, as it leaves the pipeline; ``dataset[i, seed]`` draws all augmentation from ``seed`` (see
    `SeededSampler`).

    Args:
        data_root (str): folder of the data.
        split (str): which part of it.
        pipeline (list): transforms, or configs of them.
        tasks (list): labels to read; None: all that there are.
        limit (int): the first so many samples only.
        labels (dict): further tasks, or other settings of known ones: ``{task: dict(folder=…, reader=…)}``;
            ``reader`` is 'classes', 'depth', 'normals', 'image', a name in mmengine's ``FUNCTIONS`` or a
            callable(path), and all other items are passed to it (``num_classes``, ``void_ids``, ``scale``).
        metainfo (dict): items that replace those of ``METAINFO``.

    Raises:
        FileNotFoundError: data root, list or listed files missing.
        DataError: the list is empty or malformed.
    """

    METAINFO = dict(classes=(), palette=())
    HOW_TO_PREPARE = None  # a sentence

    def __init__(self, data_root, split="train", pipeline=(), tasks=None, limit=None, labels=None, metainfo=None):
        self.data_root = Path(data_root).expanduser()
        self.split = split
        self._metainfo = {**self.METAINFO, **(metainfo or {})}
        self.labels = self._merged_labels(labels or {})
        self.readers = {task: self._reader(task, **label) for task, label in self.labels.items()}
        self.tasks = self._checked_tasks(tasks)
        self.pipeline = Pipeline(pipeline)
        if limit is not None and limit < 1:
            raise ValueError(f"{type(self).__name__}: limit is None or at least 1, but got {limit}.")
        if not self.data_root.is_dir():
            raise FileNotFoundError(f"{self._name()}: there is no folder {self.data_root}. {self._how_to_get()}")
        self.samples = [self._with_tasks(sample) for sample in self.list_samples()[:limit]]
        self.check()

    # for a subclass to give

    def default_labels(self):
        """{task: dict(folder=…, reader=…, options of the reader)} that the dataset knows of itself."""
        raise NotImplementedError

    def list_samples(self):
        """All samples of the split, a list of `SampleFiles`."""
        raise NotImplementedError

    # what mmengine's Runner and hooks ask for

    @property
    def metainfo(self):
        """classes and palette of ``semseg``, and the tasks that are read."""
        return dict(self._metainfo, tasks=self.tasks)

    @property
    def num_classes(self):
        """Number of classes of ``semseg``; None where ``metainfo`` names none."""
        return len(self._metainfo["classes"]) or None

    def full_init(self):
        """Nothing: the constructor did it all. mmengine's dataset wrappers call it."""

    def get_data_info(self, index):
        """img_path, sample_idx and label_paths of one sample, without reading it."""
        sample = self.samples[index]
        paths = {task: str(path) for task, path in sample.labels.items()}
        return dict(img_path=str(sample.img), sample_idx=index, label_paths=paths)

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, key):
        index, seed = key if isinstance(key, (tuple, list)) else (key, None)
        with nullcontext() if seed is None else seeded_draw(seed):
            return self.pipeline(self.read(index))

    def read(self, index):
        """Sample ``index`` as it lies on the disk, before any transform."""
        files, info = self.samples[index], self.get_data_info(index)
        sample = dict(img=read_image(files.img))
        size = sample["img"].shape[-2:]
        for task, path in files.labels.items():
            label = self.readers[task](path)
            if label is None:
                del info["label_paths"][task]
                continue
            if label.shape[-2:] != size:
                raise DataError(
                    f"{self._name()}: the {task} label is {_size(label.shape)} but its image is "
                    f"{_size(size)} ({path} and {files.img}). Make them the same size: labels by nearest "
                    "neighbour."
                )
            sample[task] = label
        if files.intrinsics is not None:
            sample["intrinsics"] = Intrinsics(files.intrinsics, canvas_size=size)
        sample["meta"] = info
        return sample

    def label_counts(self):
        """{task: number of images that have its label}, for every task that is read."""
        counts = Counter(task for sample in self.samples for task in sample.labels)
        return {task: counts[task] for task in self.tasks}

    def check(self):
        """See that there are samples and that each listed file exists; a folder is listed once, no file is opened."""
        if not self.samples:
            raise DataError(f"{self._name()}: the split is empty, no image in {self._source()}. {self._how_to_get()}")
        present = {}
        missing = []
        for path in (path for sample in self.samples for path in (sample.img, *sample.labels.values())):
            if path.parent not in present:
                present[path.parent] = set(os.listdir(path.parent)) if path.parent.is_dir() else set()
            if path.name not in present[path.parent]:
                missing.append(path)
        if missing:
            shown = "".join(f"\n  {path}" for path in missing[:5]) + ("\n  …" if len(missing) > 5 else "")
            raise FileNotFoundError(
                f"{self._name()}: {len(missing)} of the files named in {self._source()} do not "
                f"exist:{shown}\nComplete the data or correct the list; a label that an image lacks is an "
                "empty cell or '-'."
            )

    # the rest

    def _name(self):
        return f"{type(self).__name__} (split {self.split!r})"

    def _source(self):
        return self.data_root

    def _how_to_get(self):
        made = f"{self.HOW_TO_PREPARE.format(data_root=self.data_root)} " if self.HOW_TO_PREPARE else ""
        return (
            f"{made}If it lies elsewhere, give its place with --cfg-options data_root=DIR. To see the "
            "toolbox at work without any data: `make demo`."
        )

    def _merged_labels(self, given):
        known = self.default_labels()
        merged = {task: dict(label) for task, label in known.items()}
        for task, label in given.items():
            merged[task] = {**merged.get(task, {}), **label}
            if "reader" not in merged[task]:
                raise ValueError(
                    f"{type(self).__name__}: labels[{task!r}] needs a reader: dict(folder={task!r}, reader='classes')."
                )
        return merged

    def _reader(self, task, reader, folder=None, **options):
        function = find_reader(reader, task)
        return partial(function, **options)  # no lambda: workers that are spawned must pickle it

    def _checked_tasks(self, tasks):
        tasks = tuple(self.labels if tasks is None else tasks)
        unknown = [task for task in tasks if task not in self.labels]
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: tasks={list(tasks)}, but there is no label {unknown}; known: "
                f"{list(self.labels)}. Tell of another one with labels=dict(NAME=dict(folder=…, reader=…))."
            )
        return tasks

    def _with_tasks(self, sample):
        return sample._replace(labels={task: sample.labels[task] for task in self.tasks if task in sample.labels})


def _size(shape):
    return f"{shape[-2]}×{shape[-1]} (H×W)"
