from collections.abc import Sequence

import torch
from mmengine.hooks import Hook
from mmengine.structures import BaseDataElement

from mtl_plugins.registry import HOOKS

from .unwrap_model import unwrap_model


@HOOKS.register_module()
class LabelSharesHook(Hook):
    """Logs what part of a batch's pixels has real labels, pseudo-labels and none: honest accounting.

    Every ``interval`` iterations ``<task>/real``, ``/pseudo`` and ``/void``, in percent (with several processes: of the
    first one's batch). A task is told of from the first batch on in which a label of it was missing or a teacher's, so
    training on images that have all their labels logs nothing.
    """

    priority = "BELOW_NORMAL"  # after the DistillationHook, which fills the batch

    def __init__(self, interval: int = 20):
        if interval < 1:
            raise ValueError(f"LabelSharesHook: interval={interval} is 1 iteration or more.")
        self.interval, self._partial = interval, set()

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        samples = data_batch.get("data_samples") if isinstance(data_batch, dict) else None
        if not samples:
            return
        model = unwrap_model(runner.model)
        for task in getattr(model, "heads", ()):
            if any(task not in sample.gt or task in sample.get("pseudo", ()) for sample in samples):
                self._partial.add(task)
            if task in self._partial and (runner.iter + 1) % self.interval == 0:
                for name, share in label_shares(samples, task).items():
                    runner.message_hub.update_scalar(f"train/{task}/{name}", 100 * share)


def label_shares(samples: Sequence[BaseDataElement], task: str) -> dict[str, float]:
    """Shares of the samples' pixels, 0 ... 1: ``real``, ``pseudo`` and ``void`` (no label, or an invalid one)."""
    counts, total = dict(real=0, pseudo=0), 0
    for sample in samples:
        height, width = sample.get("ori_shape")
        total += height * width
        label = sample.gt.get(task)
        if label is not None:
            counts["pseudo" if task in sample.get("pseudo", ()) else "real"] += int(_valid(label).sum())
    shares = {name: count / max(total, 1) for name, count in counts.items()}
    return shares | dict(void=1 - sum(shares.values()))


def _valid(label):
    """The pixels (H, W) of a label (K, H, W) that count: not void (255) where it holds ids, else not 0."""
    if not torch.is_floating_point(label):
        return (label != 255).any(0)
    return label.isfinite().all(0) & (label != 0).any(0)
