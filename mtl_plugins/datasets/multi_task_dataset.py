import math
import os
from collections import Counter
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch.utils.data import Dataset

from mtl_plugins.structures import Intrinsics

from .errors import DataError
from .pseudo_labels import PseudoLabels
from .readers import find_reader, read_image
from .sample_cache import SampleCache
from .seeded_draw import seeded_draw
from .transforms import Pipeline


class SampleFiles(NamedTuple):
    """Where the parts of one sample lie; a label that is missing is a key that is missing."""

    img: Path
    labels: dict  # {task: Path}
    intrinsics: tuple | None = None  # fx, fy, cx, cy
    pseudo: dict = {}  # {task: Path}, a teacher's answers; see PseudoLabels


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
        tasks (list): labels to read, by their own names; None: all that there are.
        limit (int): the first so many samples only.
        labels (dict): further tasks, or other settings of known ones: ``{task: dict(folder=…, reader=…)}``;
            ``reader`` is 'classes', 'depth', 'normals', 'image', a name in mmengine's ``FUNCTIONS`` or a
            callable(path), and all other items are passed to it (``num_classes``, ``void_ids``, ``scale``).
        metainfo (dict): items that replace those of ``METAINFO``.
        name (str): tells the samples of one dataset from those of others, in their metainfo as ``dataset``; see
            `MultiDataset`.
        cache (str): ``'memory'`` or a folder: what was read and decoded once is kept; see `SampleCache`.
        label_shares (dict): ``{label: share}`` of the split's images that keep a label, to make asymmetric annotations
            out of full ones: a number keeps that share, evenly spread; ``(first, end)``, shares too, keeps a range.
        skip_unlabelled (bool): leave out images that have none of ``tasks``' labels.
        pseudo_labels (str | dict): the folder that ``tools/pseudo_label.py`` wrote, or settings of `PseudoLabels`: a
            teacher's answers for labels that are missing. For training alone; metrics pass over them.
        rename (dict): ``{label: task}`` for labels that belong to another head than that of their name, as
            ``dict(semseg='kitti_semseg')`` where two datasets have a head each.

    Raises:
        FileNotFoundError: data root, list or listed files missing.
        DataError: the list is empty or malformed.
    """

    METAINFO = dict(classes=(), palette=())
    HOW_TO_PREPARE = None  # a sentence

    def __init__(
        self,
        data_root,
        split="train",
        pipeline=(),
        tasks=None,
        limit=None,
        labels=None,
        metainfo=None,
        name=None,
        rename=None,
        cache=None,
        label_shares=None,
        skip_unlabelled=False,
        pseudo_labels=None,
    ):
        self.data_root = Path(data_root).expanduser()
        self.split = split
        self._metainfo = {**self.METAINFO, **(metainfo or {})}
        self.labels = self._merged_labels(labels or {})
        self.name = name
        self.rename = self._checked_rename(rename or {})
        self.readers = {self._task(label): self._reader(label, **options) for label, options in self.labels.items()}
        self._wanted = self._checked_tasks(tasks)
        self.tasks = tuple(map(self._task, self._wanted))
        self.pipeline = Pipeline(pipeline)
        if limit is not None and limit < 1:
            raise ValueError(f"{type(self).__name__}: limit is None or at least 1, but got {limit}.")
        if not self.data_root.is_dir():
            raise FileNotFoundError(f"{self._name()}: there is no folder {self.data_root}. {self._how_to_get()}")
        samples = self._with_shares(self.list_samples()[:limit], label_shares or {})
        self.samples = [self._with_tasks(sample) for sample in samples]
        self.pseudo_labels = PseudoLabels.of(pseudo_labels)
        if self.pseudo_labels is not None:
            self.tasks = tuple(dict.fromkeys((*self.tasks, *self.pseudo_labels.about["tasks"])))
            self.samples = [self.pseudo_labels.added_to(s, self.data_root) for s in self.samples]
        if skip_unlabelled:
            self.samples = [sample for sample in self.samples if sample.labels or sample.pseudo]
        self.check()
        # what a sample depends on beside its files: every setting; `labels` says how they are read
        apart = ("pipeline", "samples", "readers")
        self._settings = {k: _stable(v) for k, v in vars(self).items() if k not in apart}
        self.cache = None if cache is None else SampleCache(cache)

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
        """classes and palette of ``semseg``, the tasks that are read and, where it matters, what depth they have."""
        told = {} if self.depth_source is None else dict(depth_source=self.depth_source)
        return dict(self._metainfo, tasks=self.tasks, **told)

    @property
    def depth_source(self):
        """Where depth comes from, where a set has several kinds: it is part of an evaluation's protocol."""

    @property
    def num_classes(self):
        """Number of classes of ``semseg``; None where ``metainfo`` names none."""
        return len(self._metainfo["classes"]) or None

    def full_init(self):
        """Nothing: the constructor did it all. mmengine's dataset wrappers call it."""

    def get_data_info(self, index):
        """img_path, sample_idx, label_paths and, where it has a name, dataset of one sample, without reading it."""
        sample = self.samples[index]
        paths = {task: str(path) for task, path in (sample.labels | sample.pseudo).items()}
        more = {} if self.name is None else dict(dataset=self.name)
        if sample.pseudo:
            more |= dict(pseudo=tuple(sample.pseudo), label_weights=self.pseudo_labels.weights_of(sample))
        return dict(img_path=str(sample.img), sample_idx=index, label_paths=paths, **more)

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, key):
        index, seed = key if isinstance(key, (tuple, list)) else (key, None)
        with nullcontext() if seed is None else seeded_draw(seed):
            return self.pipeline(self._read_or_cached(index))

    def _read_or_cached(self, index):
        if self.cache is None:
            return self.read(index)
        files = self.samples[index]
        key = dict(dataset=type(self).__qualname__, index=index, files=repr(files), settings=self._settings)
        paths = [files.img, *files.labels.values(), *files.pseudo.values()]
        return self.cache.get(key, paths, lambda: self.read(index))

    def read(self, index):
        """Sample ``index`` as it lies on the disk, before any transform."""
        files, info = self.samples[index], self.get_data_info(index)
        sample = dict(img=read_image(files.img))
        size = sample["img"].shape[-2:]
        for task, path in (files.labels | files.pseudo).items():
            label = self.pseudo_labels.read(task, path) if task in files.pseudo else self.readers[task](path)
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
        """{task: number of images that have its label, or a pseudo-label}, for every task that is read."""
        counts = Counter(task for sample in self.samples for task in (*sample.labels, *sample.pseudo))
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

    def _task(self, label):
        return self.rename.get(label, label)

    def _checked_rename(self, rename):
        unknown = [label for label in rename if label not in self.labels]
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: rename={rename}, but there is no label {unknown}; known: {list(self.labels)}."
            )
        return rename

    def _with_shares(self, samples, shares):
        """The samples without the labels that ``shares`` takes from them."""
        unknown = [label for label in shares if label not in self.labels]
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: label_shares={shares}, but there is no label {unknown}; known: "
                f"{list(self.labels)}."
            )
        kept = {label: _kept(share, len(samples), label) for label, share in shares.items()}
        return [
            sample._replace(labels={k: path for k, path in sample.labels.items() if k not in kept or kept[k][i]})
            for i, sample in enumerate(samples)
        ]

    def _with_tasks(self, sample):
        return sample._replace(
            labels={self._task(label): sample.labels[label] for label in self._wanted if label in sample.labels}
        )


def _stable(value):
    """A setting as JSON knows it, the same in every process: a function by its name, not by where it lies."""
    if isinstance(value, dict):
        return {str(key): _stable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_stable(item) for item in value]
    return (
        f"{value.__module__}.{value.__qualname__}" if callable(value) and hasattr(value, "__qualname__") else str(value)
    )


def _kept(share, count, label):
    """Whether each of ``count`` images keeps a label."""
    ends = (0.0, share) if isinstance(share, int | float) else tuple(share)
    if len(ends) != 2 or not 0 <= ends[0] <= ends[1] <= 1:
        raise ValueError(
            f"label_shares[{label!r}]={share!r}: a share of 0 to 1, or (first, end) with 0 <= first <= end <= 1."
        )
    if isinstance(share, int | float):  # every so many images: neighbours in a video are alike
        return [math.floor((i + 1) * share + 1e-9) > math.floor(i * share + 1e-9) for i in range(count)]
    return [ends[0] * count <= i + 1e-9 and i + 1e-9 < ends[1] * count for i in range(count)]


def _size(shape):
    return f"{shape[-2]}×{shape[-1]} (H×W)"
