from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate

from torch.utils.data import Dataset

from mtl_plugins.registry import DATASETS


@DATASETS.register_module()
class MultiDataset(Dataset):
    """Several datasets one after the other, each with a name and a pipeline of its own.

    A sample tells its dataset in its metainfo (``dataset='nyud'``): heads look at that dataset's classes and scale,
    metrics with ``dataset='nyud'`` at its samples alone (``nyud/semseg/mIoU``), and panels have its colours. How
    often each is drawn in training is the sampler's part: `MultiDatasetSampler`.

    Args:
        datasets (dict): configs, or datasets, by name.
    """

    def __init__(self, datasets):
        if not isinstance(datasets, Mapping) or not datasets:
            raise ValueError(
                "MultiDataset wants datasets by name: datasets=dict(nyud=dict(type='NYUDv2', ...), kitti=dict(...))."
            )
        self.datasets = {
            name: DATASETS.build(dict(dataset, name=name)) if isinstance(dataset, Mapping) else dataset
            for name, dataset in datasets.items()
        }
        self.ends = list(accumulate(map(len, self.datasets.values())))

    @property
    def sizes(self):
        """``{name: number of samples}``; a dataset's samples stand in one piece, in this order."""
        return {name: len(dataset) for name, dataset in self.datasets.items()}

    @property
    def metainfo(self):
        """The datasets' metainfo by name under ``datasets``, and all their classes in one row."""
        return combine_metainfo({name: dataset.metainfo for name, dataset in self.datasets.items()})

    def full_init(self):
        """Nothing: the constructor did it all. mmengine's dataset wrappers call it."""

    def label_counts(self):
        """{task: number of images that have its label}, over all datasets."""
        total = Counter()
        for dataset in self.datasets.values():
            total.update(dataset.label_counts())
        return dict(total)

    def get_data_info(self, index):
        """What the dataset of sample ``index`` tells of it; ``sample_idx`` counts through all datasets."""
        dataset, inner = self._find(index)
        return dict(dataset.get_data_info(inner), sample_idx=index)

    def __len__(self):
        return self.ends[-1]

    def __getitem__(self, key):
        index, *seed = key if isinstance(key, (tuple, list)) else (key,)
        dataset, inner = self._find(index)
        return dataset[(inner, *seed)] if seed else dataset[inner]

    def _find(self, index):
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        index %= len(self)
        which = bisect_right(self.ends, index)
        dataset = list(self.datasets.values())[which]
        return dataset, index - (self.ends[which] - len(dataset))


def combine_metainfo(metainfo):
    """The metainfo of `MultiDataset` from that of its datasets, ``{name: {'classes': …, 'palette': …}}``.

    ``classes`` and ``palette`` are those of all datasets in a row, as the classes of one shared head are; a class
    that several datasets have is called ``nyud: wall``.
    """
    classes = [(name, c) for name, meta in metainfo.items() for c in meta.get("classes", ())]
    count = Counter(c for _, c in classes)
    return dict(
        classes=tuple(c if count[c] == 1 else f"{name}: {c}" for name, c in classes),
        palette=tuple(colour for meta in metainfo.values() for colour in meta.get("palette", ())),
        datasets=metainfo,
        tasks=tuple(dict.fromkeys(task for meta in metainfo.values() for task in meta.get("tasks", ()))),
    )
