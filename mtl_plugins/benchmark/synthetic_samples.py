"""Random training samples, and a dataset that holds them in memory."""

from collections.abc import Sequence

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
    works for user-defined heads.

    Args:
        model: The model to be trained.
        setting: Size of the images and of the batch.

    Returns:
        Samples with random images, uint8, (3, H, W), and labels, (C, H, W).
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (2, setting.batch_size, 3, *setting.size), dtype=torch.uint8, generator=generator)
    training = model.training
    predictions = model.eval().val_step(pseudo_collate([_packed(image, {}) for image in images[1]]))
    model.train(training)
    return [
        _packed(image, dict(prediction.pred.cpu().items()))
        for image, prediction in zip(images[0], predictions, strict=True)
    ]


def _packed(image: Tensor, labels: dict[str, Tensor]) -> dict:
    """A sample in the layout of `PackSample`."""
    size = tuple(image.shape[-2:])
    sample = BaseDataElement(metainfo=dict(img_path="random", sample_idx=0, ori_shape=size, img_shape=size))
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
