from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mtl_plugins.datasets import innermost_datasets
from mtl_plugins.datasets.bad_samples import READ_ERRORS
from mtl_plugins.functional.typical_depth import typical_depth
from mtl_plugins.registry import HOOKS
from mtl_plugins.unwrap_model import unwrap_model


@HOOKS.register_module()
class TypicalDepthHook(Hook):
    """Measures the typical depth of each place in the image for heads that need it (`FixedCameraDepthHead`).

    It reads depth labels of the training set once, before the first step and before any transform. A resumed training,
    and one that starts from a checkpoint with such a head (`load_from`), keep the typical depth of the checkpoint.

    Args:
        samples: Samples to read at most from each dataset, evenly spread.

    Raises:
        ValueError: No label has a valid reading.
    """

    def __init__(self, samples: int = 400):
        if samples < 1:
            raise ValueError(f"TypicalDepthHook: samples={samples} must be at least 1.")
        self.samples = samples
        self._loaded: set[str] = set()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note which heads get the typical depth of a checkpoint."""
        self._loaded = {key.removeprefix("module.") for key in checkpoint["state_dict"]}

    def before_train(self, runner: Runner) -> None:
        """Measure the typical depth."""
        if runner.iter:
            return
        for task, head in getattr(unwrap_model(runner.model), "heads", {}).items():
            if hasattr(head, "set_typical") and f"heads.{task}.typical" not in self._loaded:
                maps = read_depth_labels(runner.train_dataloader.dataset, task, self.samples)
                head.set_typical(typical_depth(maps, tuple(head.typical.shape[-2:])).to(head.typical.device))


def read_depth_labels(dataset: Any, task: str, samples: int) -> Iterator[Tensor]:
    """Read real labels of a task, (1, H, W), from all parts of a dataset; samples that cannot be read are left out."""
    for part in innermost_datasets(dataset):
        labelled = [index for index, files in enumerate(part.samples) if task in files.labels]
        count = min(samples, len(labelled))
        for position in range(count):
            try:
                sample = part.read(labelled[position * len(labelled) // count])
            except READ_ERRORS:
                continue
            if isinstance(sample.get(task), Tensor):
                yield sample[task].as_subclass(Tensor)
