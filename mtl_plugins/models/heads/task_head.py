from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from mtl_plugins.kinds import find_kind
from mtl_plugins.kinds.kind import resize_raw
from mtl_plugins.registry import MODELS


class TaskHead(BaseModule):
    """Base class of all heads: from features to raw outputs, losses and predictions of one task.

    Raw outputs and predictions are tensors or trees (dict, list, tuple) of tensors; the first axis is the sample. A
    subclass implements `forward` and sets `kind`. It overrides `loss` if the raw output is not a single tensor, and
    `predict` if the kind's prediction is not enough. A head for dense maps subclasses `DenseHead` instead.

    Args:
        loss: One loss config or a list of them. The weighted losses are summed.
        soft_loss: One loss config or a list of them that compare the raw output with a teacher's
            (`KLDivergenceLoss`, `L1Loss`), for samples that have one.
        dataset_weights: Factor of the loss by dataset name (`MultiDataset`); 1 for other datasets.
        init_cfg: As in mmengine's `BaseModule`.
    """

    #: What the outputs mean, a name in `mtl_plugins.kinds`: how they are activated, averaged, stored and painted
    kind: str = "numbers"

    def __init__(
        self,
        loss: dict | Sequence[dict] = (),
        soft_loss: dict | Sequence[dict] = (),
        dataset_weights: dict[str, float] | None = None,
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        self.dataset_weights = dict(dataset_weights or {})
        self.losses, self.soft_losses = _build_losses(loss), _build_losses(soft_loss)

    @abstractmethod
    def forward(self, features: Sequence[Tensor]) -> Any:
        """Raw output from the neck's features, finest first."""

    def predict(self, outputs: Any, size: tuple[int, int]) -> Any:
        """The prediction from the raw output, in the form of the label.

        Args:
            outputs: Raw output.
            size: (H, W) of the image; predicted maps must have this size. By default raw maps are resized to it
                bilinearly.
        """
        kind = find_kind(self.kind)
        return tree_map(lambda tensor: kind.to_prediction(resize_raw(tensor, size)), outputs)

    def loss(self, outputs: Any, targets: Any) -> dict[str, Tensor]:
        """Losses by name (`{'loss_<name>': scalar}`).

        Args:
            outputs: Raw output of the samples that have this label.
            targets: Their labels, stacked.
        """
        return {f"loss_{loss.name}": loss(outputs, targets) for loss in self.losses}

    def soft_loss(self, outputs: Any, targets: Any) -> dict[str, Tensor]:
        """Losses by name (`{'loss_soft_<name>': scalar}`) against a teacher.

        Args:
            outputs: Raw output of the samples that have a soft target.
            targets: The teacher's log-probabilities, or its `scores`; maps (N, C, h', w') are resized.
        """
        if not getattr(self, "soft_losses", ()):
            raise ValueError(
                "a teacher provides soft targets, but this head has no soft_loss: add one to the head, such as "
                "soft_loss=dict(type='KLDivergenceLoss', temperature=2.0), or set soft=False for the teacher's task."
            )
        if isinstance(targets, Tensor) and targets.ndim == 4 and outputs.shape[-2:] != targets.shape[-2:]:
            targets = F.interpolate(targets, outputs.shape[-2:], mode="bilinear", align_corners=False)
        return {f"loss_soft_{loss.name}": loss(outputs, targets) for loss in self.soft_losses}

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets that `select` distinguishes. Empty if all images are treated alike."""
        return ()

    def select(self, outputs: Any, dataset: str | None) -> Any:
        """The part of the raw output that belongs to `dataset`; `loss` and `predict` receive only this part."""
        return outputs

    # Test-time augmentation and teachers average scores over views of an image.

    def scores(self, outputs: Any, size: tuple[int, int]) -> Any:
        """Convert a raw output to floating-point values that can be averaged; maps must have `size`.

        By default these are the scores of the kind. A head that overrides `predict` averages its predictions if they
        are floating-point numbers, unless it overrides this method as well.
        """
        kind = find_kind(self.kind)
        if type(self).predict is not TaskHead.predict:
            predicted = self.predict(outputs, size)
            if not kind.has_classes or all(leaf.is_floating_point() for leaf in tree_leaves(predicted)):
                return predicted
        return tree_map(lambda tensor: kind.to_scores(tensor, size), outputs)

    def from_scores(self, scores: Any) -> Any:
        """Convert averaged scores to a prediction."""
        return tree_map(find_kind(self.kind).from_scores, scores)

    def undo_mirror(self, scores: Any) -> Any:
        """Convert scores of the mirrored image to scores of the image; only maps (N, K, H, W) change."""
        kind = find_kind(self.kind)
        return tree_map(lambda tensor: kind.undo_mirror(tensor) if tensor.ndim == 4 else tensor, scores)

    def undo_zoom(self, scores: Any, factor: float) -> Any:
        """Convert scores of the image enlarged by `factor`, already resized back, to scores of the image."""
        kind = find_kind(self.kind)
        return tree_map(lambda tensor: kind.undo_zoom(tensor, factor) if tensor.ndim == 4 else tensor, scores)

    def resize_prediction(self, prediction: Any, before: tuple[int, int], after: tuple[int, int]) -> Any:
        """Resize the maps (N, C, *before) of a prediction; other tensors stay unchanged.

        Class ids cannot be interpolated: integers take the nearest value, floats are bilinear.
        """

        def resize(tensor):
            if tensor.ndim != 4 or tuple(tensor.shape[-2:]) != tuple(before):
                return tensor
            if tensor.is_floating_point():
                return F.interpolate(tensor, tuple(after), mode="bilinear", align_corners=False)
            return F.interpolate(tensor, tuple(after), mode="nearest-exact")

        return prediction if tuple(before) == tuple(after) else tree_map(resize, prediction)


def _build_losses(configs):
    losses = nn.ModuleList(MODELS.build(config) for config in ([configs] if isinstance(configs, dict) else configs))
    names = [loss.name for loss in losses]
    if len(set(names)) < len(names):
        raise ValueError(f"two losses of one head have the same name: {names}. Set different names with name='...'.")
    return losses
