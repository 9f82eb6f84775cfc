from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from mtl_plugins.kinds import find_kind
from mtl_plugins.registry import MODELS


class ForeignModel(BaseModel):
    """Adapts a third-party network to the teacher interface. A subclass implements `raw`.

    Args:
        tasks: Kind of each task by name: `'classes'`, `'metric_depth'`, `'unit_vectors'`, `'probability'`, `'numbers'`
            or another one in `mtl_plugins.kinds`.
        data_preprocessor: Config with the mean and std of the network; ImageNet's by default.
        init_cfg: As in mmengine's `BaseModule`.

    Raises:
        ValueError: `tasks` is empty, or a kind is unknown.
    """

    def __init__(self, tasks: dict[str, str], data_preprocessor: dict | None = None, init_cfg: dict | None = None):
        super().__init__(MODELS.build(data_preprocessor or dict(type="MultiTaskDataPreprocessor")), init_cfg)
        if not tasks:
            raise ValueError(f"{type(self).__name__}: tasks={{}} must contain at least one task and its kind.")
        self.kinds = {task: find_kind(kind) for task, kind in tasks.items()}

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(self.kinds)

    @abstractmethod
    def raw(self, images: Tensor) -> dict[str, Tensor]:
        """Raw outputs (N, K, h, w) by task, logits for classes, of normalised images (N, 3, H, W)."""

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = "tensor") -> dict[str, Tensor]:
        """As `raw`; the only mode is `'tensor'`."""
        if mode != "tensor":
            raise ValueError(f"{type(self).__name__} is a teacher and supports only mode='tensor', not {mode!r}.")
        return self.raw(inputs)

    def predict_scores(
        self, images: Tensor, size: tuple[int, int], dataset: str | None = None, tasks: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """Scores (N, K, *size) by task, as `MultiTaskModel.predict_scores`."""
        raw = self.raw(images)
        return {task: self.kinds[task].to_scores(raw[task], size) for task in (tasks or self.tasks)}

    def undo_mirror(self, task: str, scores: Tensor) -> Tensor:
        """Convert a task's scores of the horizontally mirrored image to scores of the image."""
        return self.kinds[task].undo_mirror(scores)
