"""Reading the pseudo-labels that `mtl pseudo-label` wrote."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from mtl_plugins.files import read_json, shorten
from mtl_plugins.functional.label_rounding import quantised_threshold
from mtl_plugins.images import decode_image_file
from mtl_plugins.kinds import LabelOptions, find_kind

from .camera_values import parse_number
from .data_error import DataError
from .readers.kind import read_kind
from .sample_files import SampleFiles

ABOUT = "pseudo_labels.json"  # written last: it exists once all labels are complete
CONFIDENCE = "confidence"
_CHECKED = ("scale", "num_classes")  # options whose values come from the file and are computed with


@dataclass
class PseudoLabels:
    """Pseudo-labels in files, as `mtl pseudo-label` writes them.

    A label is `<folder>/<task>/<path of the image>.png`, or `.npy` for tasks of plain numbers. The confidence of class
    labels is in `<folder>/confidence/<task>/...`. `pseudo_labels.json` states how the files are read. Paths of images
    are relative to their `data_root`.

    Args:
        folder: The folder.
        weight: Weight of the loss on these labels (real labels have 1): a number or `{task: number}`.
        min_confidence: Class labels with a lower confidence become void; 0 to 1.

    Raises:
        FileNotFoundError: The folder has no complete set of pseudo-labels.
        DataError: `pseudo_labels.json` is damaged.
    """

    folder: str | Path
    weight: float | dict[str, float] = 1.0
    min_confidence: float = 0.0
    about: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.folder = Path(self.folder).expanduser()
        path = self.folder / ABOUT
        if not path.is_file():
            raise FileNotFoundError(
                f"pseudo_labels: {self.folder} contains no complete set of pseudo-labels ({ABOUT} is missing). Create "
                "or complete it with mtl pseudo-label."
            )
        self.about = _read_about(path)

    @classmethod
    def of(cls, setting: "str | Path | dict | PseudoLabels | None") -> "PseudoLabels | None":
        """Create it from a dataset's option `pseudo_labels`."""
        if setting is None or isinstance(setting, cls):
            return setting
        return cls(**setting) if isinstance(setting, dict) else cls(setting)  # type: ignore[arg-type]  # narrowed above

    def added_to(self, sample: SampleFiles, data_root: str | Path) -> SampleFiles:
        """The sample with existing pseudo-labels for its missing labels."""
        key = image_key(sample.img, data_root)
        paths = {task: self.path(task, key) for task in self.about["tasks"] if task not in sample.labels}
        return sample._replace(pseudo={task: path for task, path in paths.items() if path.is_file()})

    def path(self, task: str, key: str) -> Path:
        """The label file of a task; `key` as `image_key` returns it."""
        return label_path(self.folder, task, key, self.about["tasks"][task]["kind"])

    def weights_of(self, sample: SampleFiles) -> dict[str, float]:
        """`{task: weight}` of the sample's pseudo-labels."""
        weight = self.weight
        return {t: weight.get(t, 1.0) if isinstance(weight, dict) else weight for t in sample.pseudo}

    def read(self, task: str, path: Path) -> Tensor | None:
        """Read a label file; `None` if it has no valid pixel.

        Raises:
            DataError: The file is damaged or does not fit its task.
        """
        setting = self.about["tasks"][task]
        kind = find_kind(setting["kind"])
        options = {name: setting[name] for name in (*kind.label_options, "num_classes") if name in setting}
        try:
            label = read_kind(path, kind.name, **options)
        except DataError as error:
            raise DataError(f"{error} Delete the file and run mtl pseudo-label again.") from None
        if label is None:
            return None
        if kind.has_confidence and self.min_confidence > 0:
            confidence = decode_image_file(Path(self.folder) / CONFIDENCE / path.relative_to(self.folder))
            if confidence.shape != label.shape:
                sizes = f"{tuple(label.shape)}, but its confidence {tuple(confidence.shape)}"
                raise DataError(f"{path} has the shape {sizes}. Delete both files and run mtl pseudo-label again.")
            label[confidence < quantised_threshold(self.min_confidence)] = kind.void
        return label if bool(kind.valid(label).any()) else None


def image_key(image: str | Path, data_root: str | Path) -> str:
    """The name of an image in a set of pseudo-labels: its path in the data root, without its ending.

    An image outside the data root is named by its absolute path. The name contains no `..`, so that labels are always
    written inside their folder.
    """
    path, root = (Path(os.path.normpath(path)) for path in (image, data_root))
    inside = path.is_relative_to(root) and ".." not in path.relative_to(root).parts
    path = path.relative_to(root) if inside else Path(*Path(os.path.abspath(path)).parts[1:])
    return path.with_suffix("").as_posix()


def label_path(folder: str | Path, task: str, key: str, kind: str) -> Path:
    """The path of a label file.

    Args:
        folder: The folder of the pseudo-labels.
        task: Name of the task.
        key: Name of the image, see `image_key`.
        kind: Name of the task's kind, which determines the ending.
    """
    return Path(folder) / task / f"{key}{find_kind(kind).suffix}"


def _read_about(path: Path) -> dict[str, Any]:
    about = read_json(path)
    tasks = about.get("tasks")
    advice = "Run mtl pseudo-label again with a new folder"
    if not isinstance(tasks, dict) or not all(isinstance(s, dict) and "kind" in s for s in tasks.values()):
        raise DataError(f"{path} must name the kind of each task, as mtl pseudo-label writes it. {advice}.")
    for task, setting in tasks.items():
        if Path(task).name != task:  # it becomes the name of a folder
            raise DataError(f"{path}: {shorten(task)} is not the name of a task. {advice}.")
        try:
            options = LabelOptions.from_dict({name: setting[name] for name in _CHECKED if name in setting})
            find_kind(setting["kind"])
            if not 0 < parse_number(options.scale) or not isinstance(options.num_classes, int | None):
                raise ValueError(f"scale={options.scale!r} or num_classes={options.num_classes!r} is not allowed")
        except (TypeError, ValueError) as error:
            raise DataError(f"{path}: the task {task!r}: {error}. {advice}.") from None
    return about
