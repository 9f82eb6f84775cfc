from abc import abstractmethod
from collections.abc import Sequence

from mmengine.model import BaseModel
from torch import Tensor

from mtl_plugins.kinds import find_kind
from mtl_plugins.registry import MODELS


class ForeignModel(BaseModel):
    """A network that is no ``MultiTaskModel``, brought to what a teacher must answer; a subclass writes ``raw``.

    Args:
        tasks: `{task: kind}`; a kind is a name in `mtl_plugins.kinds`: `'classes'`, `'metric_depth'`, `'unit_vectors'`,
            `'probability'`, `'numbers'`.
        data_preprocessor: Config, with the network's own mean and std; ImageNet's by default.
    """

    def __init__(self, tasks: dict[str, str], data_preprocessor: dict | None = None, init_cfg=None):
        super().__init__(MODELS.build(data_preprocessor or dict(type="MultiTaskDataPreprocessor")), init_cfg)
        if not tasks:
            raise ValueError(f"{type(self).__name__}: tasks={{}}: give at least one task and its kind.")
        self.kinds = {task: find_kind(kind) for task, kind in tasks.items()}

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.kinds)

    @abstractmethod
    def raw(self, images: Tensor) -> dict[str, Tensor]:
        """``{task: raw output}`` (N, K, h, w), logits where classes are meant, of normalised images (N, 3, H, W)."""

    def forward(self, inputs: Tensor, data_samples=None, mode: str = "tensor") -> dict[str, Tensor]:
        if mode != "tensor":
            raise ValueError(f"{type(self).__name__} is a teacher: it has mode='tensor' alone, not {mode!r}.")
        return self.raw(inputs)

    def predict_scores(
        self, images: Tensor, size: tuple[int, int], dataset: str | None = None, tasks: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        """What ``MultiTaskModel.predict_scores`` gives: class probabilities, metres, unit vectors at ``size``."""
        raw = self.raw(images)
        return {task: self.kinds[task].to_scores(raw[task], size) for task in (tasks or self.tasks)}

    def undo_mirror(self, task: str, scores: Tensor) -> Tensor:
        """Scores of an image from those of its mirror image."""
        return self.kinds[task].undo_mirror(scores)
