import inspect
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset
from torchvision import tv_tensors

from mtl_plugins.images import turn
from mtl_plugins.kinds.task_meta import meta_of_task, with_task_meta
from mtl_plugins.structures import Intrinsics

from .bad_samples import (
    BAD_SAMPLES,
    READ_ERRORS,
    BadSample,
    allowed_number,
    check_options,
    none_is_readable,
    replacements,
)
from .call_reader import call_reader
from .check_label import check_label
from .data_error import DataError
from .label_orientation import check_label_orientation, turn_label
from .label_shares import Share, images_with_label
from .pseudo_label_files import PseudoLabels
from .readers import find_reader
from .readers.image import read_image_and_orientation
from .reading_notes import note_reading
from .sample_cache import LESS_MEMORY, SampleCache
from .sample_files import Sample, SampleFiles
from .seeded_draw import seeded_draw
from .transforms import Pipeline

#: Settings of one label: `reader`, perhaps `folder`, and the options of the reader.
LabelConfig = dict[str, Any]
#: The index of a sample, or (index, seed of its augmentation).
SampleKey = int | Sequence[int]
_NO_MEMORY = "DefaultCPUAllocator: "  # the start of PyTorch's message


class MultiTaskDataset(Dataset):
    """Images with the labels that each of them has; the base class of all datasets.

    A subclass defines `METAINFO` (`classes` and `palette` of `semseg`; `task_classes={task: names}` of other tasks),
    `HOW_TO_PREPARE` (one sentence), `default_labels()` and `list_samples()`.

    `dataset[i]` is the output of the pipeline for the sample dict with `img`, one key per label, perhaps `intrinsics`,
    and `meta`. `dataset[i, seed]` draws all augmentation from `seed`; see `SeededSampler`.

    Args:
        data_root: Root folder of the data.
        split: Which part of the data.
        pipeline: Transforms or their configs.
        tasks: Labels to read, by their own names. None reads all.
        limit: Use only the first `limit` samples.
        labels: Additional labels, or other settings of known ones: `{task: dict(folder=…, reader=…)}`. `reader` is
            `'classes'`, `'depth'`, `'normals'`, `'image'`, a name in `FUNCTIONS` or a callable(path); all
            other items are passed to it (`num_classes`, `void_ids`, `scale`). None ignores a label.
        metainfo: Items that replace those of `METAINFO`.
        name: Distinguishes the samples of several datasets; stored in their metainfo as `dataset`. See `MultiDataset`.
        rename: `{label: task}` for labels that belong to a head of another name, such as
            `dict(semseg='kitti_semseg')` if each of two datasets has its own head.
        cache: `'memory'` or a folder: keeps decoded samples; see `SampleCache`.
        label_shares: `{label: share}` of the images that keep a label, to turn full annotations into asymmetric ones. A
            number keeps that share, evenly spread; a pair `(first, end)` keeps that range.
        skip_unlabelled: Leave out images that have no label of `tasks`.
        pseudo_labels: The folder that `mtl pseudo-label` wrote, or settings of `PseudoLabels`: predictions of a
            teacher for missing labels. Only for training; metrics ignore them.
        on_bad_sample: What to do with a sample that cannot be read because a file is missing, damaged or of the wrong
            size. `'raise'`: stop with an error. `'skip'`: another sample replaces it, which depends only on the index
            and the seed. In an evaluation (an index without a seed) its labels are left out, so that no metric counts
            it. `BadSamplesHook` logs the number and lists the files.
        label_orientation: Only for images with an EXIF orientation, which are turned as viewers show them. Labels of
            the image's shown size are kept, and labels of its stored size are turned with it. If both sizes are equal
            (orientations 2 to 4, square images), this decides: `'shown'` if the labels were drawn on the image as
            viewers and annotation tools show it, `'stored'` if on its stored pixels. `intrinsics` always belong to the
            stored pixels, as the camera was calibrated, and are turned with the image.
        max_bad_samples: With `'skip'`: how many samples may be bad before an error is raised: a share as a float from 0
            to 1, or a number as an int. `1.0` allows all samples to be bad, `1` a single one.

    Raises:
        FileNotFoundError: The data root, the list or listed files are missing.
        DataError: The list is empty or malformed, or has too many missing files for `max_bad_samples`.
    """

    METAINFO: Mapping[str, Any] = dict(classes=(), palette=())
    HOW_TO_PREPARE: str | None = None  # one sentence

    def __init__(
        self,
        data_root: str | Path,
        split: str = "train",
        pipeline: Sequence[dict | Callable] = (),
        tasks: Iterable[str] | None = None,
        limit: int | None = None,
        labels: Mapping[str, LabelConfig | None] | None = None,
        metainfo: Mapping[str, Any] | None = None,
        name: str | None = None,
        rename: Mapping[str, str] | None = None,
        cache: str | Path | None = None,
        label_shares: Mapping[str, Share] | None = None,
        skip_unlabelled: bool = False,
        pseudo_labels: str | Path | dict | PseudoLabels | None = None,
        on_bad_sample: str = "raise",
        max_bad_samples: float = 0.1,
        label_orientation: str = "shown",
    ):
        check_options(on_bad_sample, max_bad_samples, type(self).__name__)
        self.on_bad_sample, self.max_bad_samples = on_bad_sample, max_bad_samples
        self.label_orientation = check_label_orientation(label_orientation, type(self).__name__)
        self.data_root = Path(data_root).expanduser()
        self.split = split
        self._metainfo = _plain({**self.METAINFO, **(metainfo or {})})
        self.labels = self._merge_labels(labels or {})
        self.name = name
        self.rename = self._check_rename(rename or {})
        self.readers = {self._task(label): self._reader(label, **options) for label, options in self.labels.items()}
        self._wanted = self._check_tasks(tasks)
        self.tasks = tuple(map(self._task, self._wanted))
        self.pipeline = Pipeline(pipeline)
        if limit is not None and limit < 1:
            raise ValueError(f"{type(self).__name__}: limit must be None or at least 1, but got {limit}.")
        if not self.data_root.is_dir():
            raise FileNotFoundError(
                f"{self._name()}: the folder {self.data_root} does not exist. {self._hint_at_parent()}"
                f"{self._how_to_get()}"
            )
        samples = self._drop_labels(self.list_samples()[:limit], label_shares or {})
        self.samples = [self._select_tasks(sample) for sample in samples]
        self.pseudo_labels = PseudoLabels.of(pseudo_labels)
        if self.pseudo_labels is not None:
            self.tasks = tuple(dict.fromkeys((*self.tasks, *self.pseudo_labels.about["tasks"])))
            self.samples = [self.pseudo_labels.added_to(s, self.data_root) for s in self.samples]
        if skip_unlabelled:
            self.samples = [sample for sample in self.samples if sample.labels or sample.pseudo]
        self.check()
        # A sample depends on its files and on all settings; `labels` describes the readers.
        excluded = ("pipeline", "samples", "readers", "on_bad_sample", "max_bad_samples")
        self._settings = {k: _stable(v) for k, v in vars(self).items() if k not in excluded}
        self.cache = None if cache is None else SampleCache(cache)

    # For subclasses to define

    def default_labels(self) -> dict[str, LabelConfig]:
        """The labels that the dataset has by default: `{task: dict(folder=…, reader=…, **options of the reader)}`."""
        raise NotImplementedError

    def list_samples(self) -> list[SampleFiles]:
        """The files of all samples of the split."""
        raise NotImplementedError

    def camera_of(self, files: SampleFiles) -> tuple[float, ...] | None:
        """The camera (fx, fy, cx, cy) of the stored pixels of an image, or None if it is unknown."""
        return files.intrinsics

    # For mmengine's Runner and hooks

    @property
    def metainfo(self) -> dict[str, Any]:
        """Classes and palette of `semseg`, the tasks that are read and, where it matters, the source of the depth."""
        source = {} if self.depth_source is None else dict(depth_source=self.depth_source)
        meta = dict(self._metainfo, tasks=self.tasks, **source)
        for label, task in self.rename.items():
            if (found := meta_of_task(label, self._metainfo)).get("classes"):
                meta = with_task_meta(meta, task, found)
        return meta

    @property
    def depth_source(self) -> str | None:
        """How depth was measured, for datasets with several kinds of depth; part of an evaluation's protocol."""

    @property
    def num_classes(self) -> int | None:
        """Number of classes of `semseg`; None if `metainfo` names none."""
        return len(self._metainfo["classes"]) or None

    def full_init(self) -> None:
        """Do nothing: the constructor is complete. mmengine's dataset wrappers call it."""

    def get_data_info(self, index: int) -> dict[str, Any]:
        """The metadata of one sample, without reading it: `img_path`, `sample_idx`, `label_paths`, …"""
        sample = self.samples[index]
        paths = {task: str(path) for task, path in (sample.labels | sample.pseudo).items()}
        extra: dict[str, Any] = {} if self.name is None else dict(dataset=self.name)
        if self.pseudo_labels is not None and sample.pseudo:
            extra |= dict(pseudo=tuple(sample.pseudo), label_weights=self.pseudo_labels.weights_of(sample))
        return dict(img_path=str(sample.img), sample_idx=index, label_paths=paths, **extra)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: SampleKey) -> Any:
        index, seed = key if isinstance(key, (tuple, list)) else (key, None)
        try:
            with nullcontext() if seed is None else seeded_draw(seed):
                sample = self._read_or_replace(index, seed)
                stored = tuple(sample["img"].shape[-2:])  # metrics report if the pipeline resizes the labels
                return self.pipeline(sample | dict(meta=sample["meta"] | dict(stored_shape=stored)))
        except (MemoryError, RuntimeError) as error:
            if not isinstance(error, MemoryError) and _NO_MEMORY not in str(error):
                raise
            raise MemoryError(
                f"the memory ran out while {self.samples[index].img} was read or augmented: {LESS_MEMORY}"
            ) from error

    def _read_or_replace(self, index: int, seed: int | None) -> Sample:
        """The sample, or with `on_bad_sample='skip'` the one that replaces it if it cannot be read."""
        if self.on_bad_sample == "raise":
            return self._read_or_cached(index)
        bad: list[BadSample] = []
        for candidate in (index % len(self), *replacements(index % len(self), seed, len(self))):
            try:
                sample = self._read_or_cached(candidate)
            except READ_ERRORS as error:
                bad.append(self._bad_sample(candidate, error))
            else:
                return self._mark_replaced(sample, index, seed, bad) if bad else sample
        raise none_is_readable(bad)

    def _mark_replaced(self, sample: Sample, index: int, seed: int | None, bad: list[BadSample]) -> Sample:
        meta = sample["meta"] | {BAD_SAMPLES: [each._asdict() for each in bad]}
        if seed is not None:
            return sample | dict(meta=meta)
        # An evaluation must not count the other image twice
        kept = {key: value for key, value in sample.items() if key in ("img", "intrinsics")}
        return kept | dict(meta=meta | self.get_data_info(index) | dict(label_paths={}))

    def _bad_sample(self, index: int, error: Exception) -> BadSample:
        return BadSample(str(self.samples[index].img), index, self.name or "", str(error) or type(error).__name__)

    def problem_of(self, index: int) -> str | None:
        """Read a sample and return why it cannot be used, or None if it can.

        This is the check behind `on_bad_sample`; it does not use the cache.
        """
        try:
            self.read(index)
        except READ_ERRORS as error:
            return self._bad_sample(index, error).reason
        return None

    @property
    def allowed_bad_samples(self) -> int:
        """How many samples may be bad; 0 with `on_bad_sample='raise'`."""
        return allowed_number(self.max_bad_samples, len(self)) if self.on_bad_sample == "skip" else 0

    def _read_or_cached(self, index: int) -> Sample:
        note_reading(str(self.samples[index].img))
        if self.cache is None:
            return self.read(index)
        files = self.samples[index]
        key = dict(dataset=type(self).__qualname__, index=index, files=repr(files), settings=self._settings)
        paths = [files.img, *files.labels.values(), *files.pseudo.values()]
        return self.cache.get(key, paths, lambda: self.read(index))

    def read(self, index: int) -> Sample:
        """Read one sample from disk, before any transform."""
        files, info, name = self.samples[index], self.get_data_info(index), self._name()
        image = read_image_and_orientation(files.img)
        sample: Sample = dict(img=tv_tensors.Image(image.turned()))
        for task, path in (files.labels | files.pseudo).items():
            if self.pseudo_labels is not None and task in files.pseudo:
                label = self.pseudo_labels.read(task, path)
            else:
                label = call_reader(self.readers[task], task, path, name)
                check_label(label, task, path, name)
            if label is None:
                del info["label_paths"][task]
                continue
            drawn_on = "shown" if task in files.pseudo else self.label_orientation
            paths = path, files.img
            sample[task] = turn_label(label, image, drawn_on, f"{name}: the {task}", paths)
        camera = self.camera_of(files)
        if camera is not None:
            intrinsics = Intrinsics(camera, canvas_size=image.stored_size)
            sample["intrinsics"] = turn(intrinsics, image.orientation)
        sample["meta"] = info
        return sample

    def label_counts(self) -> dict[str, int]:
        """Number of images per task that have its label or a pseudo-label."""
        counts = Counter(task for sample in self.samples for task in (*sample.labels, *sample.pseudo))
        return {task: counts[task] for task in self.tasks}

    def check(self) -> None:
        """Check that there are samples and that each listed file exists; lists each folder once and opens no file.

        With `on_bad_sample='skip'`, only samples beyond `max_bad_samples` must be complete.

        Raises:
            DataError: There are no samples.
            FileNotFoundError: Listed files are missing.
        """
        if not self.samples:
            raise DataError(f"{self._name()}: the split is empty, no image in {self._source()}. {self._how_to_get()}")
        present: dict[Path, set[str]] = {}
        missing: list[Path] = []
        incomplete = 0
        for sample in self.samples:
            absent = [path for path in (sample.img, *sample.labels.values()) if not _is_listed(path, present)]
            missing += absent
            incomplete += bool(absent)
        if incomplete > self.allowed_bad_samples:
            shown = "".join(f"\n  {path}" for path in missing[:5]) + ("\n  …" if len(missing) > 5 else "")
            limit = f"\nmax_bad_samples={self.max_bad_samples} allows {self.allowed_bad_samples} incomplete samples."
            raise FileNotFoundError(
                f"{self._name()}: {len(missing)} of the files listed in {self._source()} do not exist:{shown}\n"
                f"{self._advice()}{limit if self.on_bad_sample == 'skip' else ''}"
            )

    # Internals

    def _name(self) -> str:
        return f"{type(self).__name__} (split {self.split!r})"

    def _source(self) -> Path:
        """The place where the split is listed, for error messages."""
        return self.data_root

    def _advice(self) -> str:
        """What to do about listed files that do not exist."""
        return "Complete the data or correct the list; write an empty cell or '-' for a missing label."

    def _is_prepared(self, folder: Path) -> bool:
        """Whether a folder is known to contain the prepared dataset; used to explain a wrong path."""
        return False

    def _hint_at_parent(self) -> str:
        """A hint if the data is in the parent of the missing data root, because `data_root` is one level too deep."""
        name, parent = self.data_root.name, self.data_root.parent
        if not parent.is_dir() or not (parent.name == name or self._is_prepared(parent)):
            return ""
        place = parent.parent if parent.name == name else f"DIR and move the dataset to DIR/{name}"
        return (
            f"Is {parent} the folder of the dataset? The presets add {name!r} to data_root, the folder that contains "
            f"the datasets: set --cfg-options data_root={place}. If not: "
        )

    def _how_to_get(self) -> str:
        how = f"{self.HOW_TO_PREPARE.format(data_root=self.data_root)} " if self.HOW_TO_PREPARE else ""
        return (
            f"{how}If the data is in another folder, set it with --cfg-options data_root=DIR. To try the toolbox "
            "without any data: `mtl prepare synthrooms`, then `mtl train hydranet_synthrooms`."
        )

    def _merge_labels(self, given: Mapping[str, LabelConfig | None]) -> dict[str, LabelConfig]:
        merged = {task: dict(label) for task, label in self.default_labels().items()}
        for task, label in given.items():
            if label is None:
                merged.pop(task, None)
                continue
            merged[task] = {**merged.get(task, {}), **label}
            if "reader" not in merged[task]:
                raise ValueError(
                    f"{type(self).__name__}: labels[{task!r}] needs a reader: dict(folder={task!r}, reader='classes')."
                )
        return merged

    def _reader(self, task: str, reader: str | Callable, folder: str | None = None, **options: Any) -> Callable:
        function = find_reader(reader, task)
        try:
            inspect.signature(function).bind("path", **options)
        except TypeError as error:  # otherwise a worker would raise it at the first sample
            raise ValueError(
                f"{type(self).__name__}: labels={{{task!r}: …}}: the reader {reader!r}: {error}."
            ) from None
        return partial(function, **options)  # no lambda: spawned workers must pickle it

    def _check_tasks(self, tasks: Iterable[str] | None) -> tuple[str, ...]:
        tasks = tuple(self.labels if tasks is None else tasks)
        hint = "Define a new label with labels=dict(NAME=dict(folder=…, reader=…))."
        self._check_labels_exist(tasks, f"tasks={list(tasks)}", hint)
        return tasks

    def _task(self, label: str) -> str:
        return self.rename.get(label, label)

    def _check_rename(self, rename: Mapping[str, str]) -> Mapping[str, str]:
        self._check_labels_exist(rename, f"rename={rename}")
        return rename

    def _check_labels_exist(self, names: Iterable[str], option: str, hint: str = "") -> None:
        unknown = [name for name in names if name not in self.labels]
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: {option}, but the dataset has no label {unknown}; known labels: "
                f"{list(self.labels)}. {hint}".rstrip()
            )

    def _drop_labels(self, samples: list[SampleFiles], shares: Mapping[str, Share]) -> list[SampleFiles]:
        """The samples without the labels that `shares` removes."""
        self._check_labels_exist(shares, f"label_shares={shares}")
        kept = {label: images_with_label(share, len(samples), label) for label, share in shares.items()}
        return [
            sample._replace(labels={k: path for k, path in sample.labels.items() if k not in kept or kept[k][i]})
            for i, sample in enumerate(samples)
        ]

    def _select_tasks(self, sample: SampleFiles) -> SampleFiles:
        return sample._replace(
            labels={self._task(label): sample.labels[label] for label in self._wanted if label in sample.labels}
        )


def _is_listed(path: Path, present: dict[Path, set[str]]) -> bool:
    """Whether a file exists; `present` keeps the names in each folder."""
    folder = path.parent
    if folder not in present:
        try:
            present[folder] = set(os.listdir(folder))
        except OSError:  # it does not exist, is a file, or its name is too long
            present[folder] = set()
    return path.name in present[folder]


def _plain(value: Any) -> Any:
    """The value with plain dicts: metainfo is stored in checkpoints, which must not contain mmengine's `ConfigDict`."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


def _stable(value: Any) -> Any:
    """A setting as JSON, equal in every process: a function is represented by its name, not by its address."""
    if isinstance(value, dict):
        return {str(key): _stable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_stable(item) for item in value]
    return (
        f"{value.__module__}.{value.__qualname__}" if callable(value) and hasattr(value, "__qualname__") else str(value)
    )
