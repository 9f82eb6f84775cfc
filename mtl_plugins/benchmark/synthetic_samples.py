"""Random training samples, and a dataset that holds them in memory."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import BaseDataElement
from torch import Tensor
from torch.utils.data import Dataset

from mtl_plugins.models import MultiTaskModel
from mtl_plugins.structures import TaskData

from .training_setting import TrainingSetting


@torch.no_grad()
def synthetic_samples(model: MultiTaskModel, setting: TrainingSetting) -> list[dict]:
    """Make one batch of packed samples with a label for each head.

    A prediction has the form of its label, so the labels are the model's predictions for other random images. This also
    works for user-defined heads. If heads distinguish datasets, the images belong to these in turn.

    Args:
        model: The model to be trained.
        setting: Size of the images and of the batch.

    Returns:
        Samples with random images, uint8, (3, H, W), and labels.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (2, setting.batch_size, 3, *setting.size), dtype=torch.uint8, generator=generator)
    datasets = _common_datasets(model)
    names = [datasets[i % len(datasets)] for i in range(setting.batch_size)]
    training = model.training
    unlabelled = [_packed(image, name, {}) for image, name in zip(images[1], names, strict=True)]
    predictions = model.eval().val_step(pseudo_collate(unlabelled))
    model.train(training)
    return [
        _packed(image, name, dict(prediction.pred.cpu().items()))
        for image, name, prediction in zip(images[0], names, predictions, strict=True)
    ]


def _common_datasets(model: MultiTaskModel) -> Sequence[str | None]:
    """The datasets that all heads know, of those that heads distinguish; `[None]` if all images are treated alike."""
    known = [head.datasets for head in model.heads.values() if getattr(head, "datasets", ())]
    return [name for name in model.datasets if all(name in names for names in known)] or [None]


def _packed(image: Tensor, dataset: str | None, labels: dict[str, Any]) -> dict:
    """A sample in the layout of `PackSample`."""
    size = tuple(image.shape[-2:])
    about = {} if dataset is None else dict(dataset=dataset)
    sample = BaseDataElement(metainfo=dict(img_path="random", sample_idx=0, ori_shape=size, img_shape=size, **about))
    sample.gt = TaskData(**labels)
    return dict(inputs=image[None].contiguous(memory_format=torch.channels_last)[0], data_samples=sample)


class InMemoryDataset(Dataset):
    """A dataset that repeats a few samples and takes no time to read them.

    Args:
        samples: Packed samples.
        length: Length of the dataset.
    """

    def __init__(self, samples: Sequence[dict], length: int) -> None:
        self.samples, self.length = samples, length
        self.metainfo: dict = {}

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, key: int | tuple[int, int]) -> dict:
        """The sample at an index; a key may also be (index, seed)."""
        index = key[0] if isinstance(key, (tuple, list)) else key
        return self.samples[index % len(self.samples)]

    def label_counts(self) -> dict[str, int]:
        """The number of labels of each task."""
        return {task: self.length for task in self.samples[0]["data_samples"].gt.keys()}
