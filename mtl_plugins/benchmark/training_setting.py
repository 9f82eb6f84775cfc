"""What a training benchmark measures: the batch, and the model and optimizer of a config."""

import copy
from dataclasses import dataclass

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

from mtl_plugins.apis.config import drop_pretrained, innermost_datasets
from mtl_plugins.datasets import MultiDataset, MultiDatasetSampler
from mtl_plugins.kernels import warm_up
from mtl_plugins.models import MultiTaskModel
from mtl_plugins.registry import MODELS

#: Height and width in pixels if nothing else is given.
DEFAULT_SIZE = (240, 320)


@dataclass(frozen=True)
class TrainingSetting:
    """The size of a measurement.

    Attributes:
        size: Height and width of the images in pixels.
        batch_size: Images per batch.
        steps: Batches per turn.
        rounds: Turns of each contender.

    Raises:
        ValueError: A number is below 1.
    """

    size: tuple[int, int]
    batch_size: int
    steps: int = 3
    rounds: int = 5

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if (min(value) if name == "size" else value) < 1:
                raise ValueError(f"{name}={value}: must be at least 1.")


def without_validation(cfg: Config) -> Config:
    """A copy of a config without what does not affect a training step: weights to load, validation and test."""
    cfg = copy.deepcopy(cfg)
    drop_pretrained(cfg)
    cfg.load_from, cfg.resume = None, False
    for hook in cfg.get("custom_hooks") or ():
        for teacher in hook.get("teachers", ()):
            teacher.pop("checkpoint", None)
    for phase in ("val", "test"):
        for key in ("dataloader", "cfg", "evaluator"):
            cfg[f"{phase}_{key}"] = None
    return cfg


def build_training(cfg: Config) -> tuple[MultiTaskModel, OptimWrapper]:
    """Build the model and its optimizer wrapper as the Runner does, in training mode and on the Runner's device."""
    device = get_device()
    if device == "cpu":
        warm_up()
    model = MODELS.build(cfg.model).to(device).train()
    return model, build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))


def build_loader(cfg: Config, dataset: Dataset, batch_size: int) -> DataLoader:
    """A data loader in this process with the config's sampler and collate function.

    The sampler of a `MultiDataset` is replaced by `SeededSampler` if `dataset` is another one.
    """
    options = {key: cfg.train_dataloader[key] for key in ("sampler", "collate_fn") if key in cfg.train_dataloader}
    sampler = options.pop("sampler", dict(type="DefaultSampler", shuffle=True))
    if sampler["type"] in ("MultiDatasetSampler", MultiDatasetSampler) and not isinstance(dataset, MultiDataset):
        sampler = dict(type="SeededSampler")
    loader = dict(dataset=dataset, batch_size=batch_size, num_workers=0, sampler=sampler, **options)
    return Runner.build_dataloader(loader)


def training_size(cfg: Config) -> tuple[int, int]:
    """Height and width that the training pipeline outputs: the `size` of its last transform that has one.

    `DEFAULT_SIZE` if no transform has a size.
    """
    for dataset in innermost_datasets(cfg.train_dataloader.dataset):
        for transform in reversed(dataset.get("pipeline") or ()):
            size = transform.get("size") if isinstance(transform, dict) else None
            if isinstance(size, int):
                return size, size
            if size is not None and len(size) == 2:
                return size[0], size[1]
    return DEFAULT_SIZE
