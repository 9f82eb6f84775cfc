"""Reading the pseudo-labels that `mtl pseudo-label` wrote."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from mtl_plugins.functional.label_rounding import quantised_threshold
from mtl_plugins.kinds import find_kind

from .data_error import DataError
from .image_decoder import decode_file
from .readers.kind import read_kind
from .sample_files import SampleFiles

ABOUT = "pseudo_labels.json"  # written last: it exists once all labels are complete
CONFIDENCE = "confidence"


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
        self.about = json.loads(path.read_text())

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
            confidence = decode_file(Path(self.folder) / CONFIDENCE / path.relative_to(self.folder))
            label[confidence < quantised_threshold(self.min_confidence)] = kind.void
        return label if bool(kind.valid(label).any()) else None


def image_key(image: str | Path, data_root: str | Path) -> str:
    """The name of an image in a set of pseudo-labels: its path in the data root, without its ending."""
    image = Path(image)
    inside = image.is_relative_to(data_root)
    path = image.relative_to(data_root) if inside else Path(*image.absolute().parts[1:])
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
