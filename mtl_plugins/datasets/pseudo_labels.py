import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from mtl_plugins.functional.pseudo_labels import quantised_threshold
from mtl_plugins.label_spaces import VOID
from mtl_plugins.structures import DenseMap

from .data_error import DataError
from .readers import read_classes, read_depth, read_normals

ABOUT = "pseudo_labels.json"  # written last: where it is, the labels are complete
CONFIDENCE = "confidence"


@dataclass
class PseudoLabels:
    """A teacher's answers in files, as ``tools/pseudo_label.py`` writes them.

    ``<folder>/<task>/<path of the image>.png`` (of another map ``.npy``); of classes ``<folder>/confidence/<task>/…``
    too; ``pseudo_labels.json`` tells how they are read. The path of an image is that in its ``data_root``.

    Args:
        folder: where they lie.
        weight: of the loss on them, against 1 for real labels; a number, or ``{task: number}``.
        min_confidence: 0 … 1; pixels of class labels that the teacher was less sure of are void.
    """

    folder: str | Path
    weight: float | dict = 1.0
    min_confidence: float = 0.0
    about: dict = field(init=False, repr=False)

    def __post_init__(self):
        self.folder = Path(self.folder).expanduser()
        path = self.folder / ABOUT
        if not path.is_file():
            raise FileNotFoundError(
                f"pseudo_labels: {self.folder} holds no complete set of pseudo-labels ({ABOUT} is missing). Make it, "
                "or go on with making it, by tools/pseudo_label.py."
            )
        self.about = json.loads(path.read_text())

    @classmethod
    def of(cls, setting: "str | Path | dict | PseudoLabels | None") -> "PseudoLabels | None":
        """From a dataset's option."""
        if setting is None or isinstance(setting, cls):
            return setting
        return cls(**setting) if isinstance(setting, dict) else cls(setting)

    def added_to(self, sample, data_root):
        """The sample with the answers that there are for labels that it lacks."""
        key = image_key(sample.img, data_root)
        paths = {task: self.path(task, key) for task in self.about["tasks"] if task not in sample.labels}
        return sample._replace(pseudo={task: path for task, path in paths.items() if path.is_file()})

    def path(self, task, key):
        """The file of a task's label."""
        return self.folder / task / f"{key}{suffix_of(self.about['tasks'][task]['kind'])}"

    def weights_of(self, sample):
        """``{task: weight}`` of the sample's pseudo-labels."""
        return {t: self.weight.get(t, 1.0) if isinstance(self.weight, dict) else self.weight for t in sample.pseudo}

    def read(self, task, path):
        """The label in a file, or None where it holds nothing."""
        setting = self.about["tasks"][task]
        if setting["kind"] == "classes":
            label = read_classes(path, setting.get("num_classes"))
            if self.min_confidence > 0:
                confidence = read_classes(self.folder / CONFIDENCE / path.relative_to(self.folder))
                label[confidence < quantised_threshold(self.min_confidence)] = VOID
            return label if (label != VOID).any() else None
        if setting["kind"] == "depth":
            return read_depth(path, setting["scale"])
        if setting["kind"] == "normals":
            return read_normals(path)
        try:
            return DenseMap(torch.from_numpy(np.load(path)))
        except (ValueError, OSError) as error:
            raise DataError(f"cannot read {path}: {error}. Delete it and run tools/pseudo_label.py again.") from None


def image_key(image, data_root):
    """How an image is called among pseudo-labels: its path in the data root, without its ending."""
    image = Path(image)
    inside = image.is_relative_to(data_root)
    path = image.relative_to(data_root) if inside else Path(*image.absolute().parts[1:])
    return path.with_suffix("").as_posix()


def suffix_of(kind):
    """The ending of label files."""
    return ".npy" if kind == "map" else ".png"
