from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from torch.utils.data import Dataset

from mtl_plugins.kinds.task_meta import described_parts, tasks_with_classes, with_task_meta
from mtl_plugins.registry import DATASETS

from .multi_task_dataset import MultiTaskDataset, SampleKey


@DATASETS.register_module()
class MultiDataset(Dataset):
    """Several datasets in one, each with its own name and pipeline.

    The metainfo of a sample names its dataset (`dataset='nyud'`). Heads use the classes and the scale of that dataset,
    metrics with `dataset='nyud'` evaluate only its samples (`nyud/semseg/mIoU`), and visualizations use its colours.
    `MultiDatasetSampler` decides how often each dataset is drawn in training.

    Args:
        datasets: Configs or datasets, by name.
    """

    def __init__(self, datasets: Mapping[str, Mapping | MultiTaskDataset]):
        if not isinstance(datasets, Mapping) or not datasets:
            raise ValueError(
                "MultiDataset expects datasets by name: datasets=dict(nyud=dict(type='NYUDv2', ...), kitti=dict(...))."
            )
        self.datasets: dict[str, MultiTaskDataset] = {
            name: DATASETS.build(dict(dataset, name=name)) if isinstance(dataset, Mapping) else dataset
            for name, dataset in datasets.items()
        }
        self.ends = list(accumulate(map(len, self.datasets.values())))

    @property
    def sizes(self) -> dict[str, int]:
        """Number of samples by dataset. The samples of a dataset are consecutive, in this order."""
        return {name: len(dataset) for name, dataset in self.datasets.items()}

    @property
    def metainfo(self) -> dict[str, Any]:
        """The metainfo of each dataset under `datasets`, and the classes of all together; see `combine_metainfo`."""
        return combine_metainfo({name: dataset.metainfo for name, dataset in self.datasets.items()})

    def full_init(self) -> None:
        """Do nothing: the constructor is complete. mmengine's dataset wrappers call it."""

    def label_counts(self) -> dict[str, int]:
        """Number of images per task that have its label, over all datasets."""
        total: Counter[str] = Counter()
        for dataset in self.datasets.values():
            total.update(dataset.label_counts())
        return dict(total)

    def get_data_info(self, index: int) -> dict[str, Any]:
        """The metadata of one sample from its dataset; `sample_idx` counts through all datasets."""
        dataset, inner = self._find(index)
        return dict(dataset.get_data_info(inner), sample_idx=index)

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, key: SampleKey) -> Any:
        index, *seed = key if isinstance(key, (tuple, list)) else (key,)
        dataset, inner = self._find(index)
        inner_key = (inner, *seed) if seed else inner
        return dataset[inner_key]

    def _find(self, index: int) -> tuple[MultiTaskDataset, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} samples")
        index %= len(self)
        which = bisect_right(self.ends, index)
        dataset = list(self.datasets.values())[which]
        return dataset, index - (self.ends[which] - len(dataset))


def combine_metainfo(metainfo: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The metainfo of a `MultiDataset` from that of its datasets.

    The classes and the palette of a task are those of the datasets that have its labels. They are concatenated, as for
    one head shared by all datasets. A class that several datasets have is prefixed: `nyud: wall`.

    Args:
        metainfo: `{name: {'classes': …, 'palette': …, 'tasks': …}}`. A dataset without `tasks` has labels of all tasks.
    """
    combined = dict(
        classes=(),
        palette=(),
        datasets=dict(metainfo),
        tasks=tuple(dict.fromkeys(task for meta in metainfo.values() for task in meta.get("tasks", ()))),
    )
    for task in tasks_with_classes(combined):
        combined = with_task_meta(combined, task, _concatenate(described_parts(task, metainfo)))
    return combined


def _concatenate(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    count = Counter(c for part in parts.values() for c in part["classes"])
    return dict(
        classes=tuple(c if count[c] == 1 else f"{name}: {c}" for name, part in parts.items() for c in part["classes"]),
        palette=tuple(colour for part in parts.values() for colour in part.get("palette") or ()),
    )
