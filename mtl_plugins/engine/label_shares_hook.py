from collections.abc import Mapping, Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor

from mtl_plugins.kinds import kind_of_task, kinds_of_heads
from mtl_plugins.registry import HOOKS
from mtl_plugins.unwrap_model import unwrap_model


@HOOKS.register_module()
class LabelSharesHook(Hook):
    """Logs the percentage of a batch's pixels with real labels, pseudo-labels and no label.

    The values are `<task>/real`, `<task>/pseudo` and `<task>/void`; with several processes, those of the first
    process's batch. Logging of a task starts with its first missing or pseudo label, so training on fully labelled
    images logs nothing.

    Args:
        interval: Iterations between two log entries.
    """

    priority = "BELOW_NORMAL"  # after DistillationHook, which fills the batch

    def __init__(self, interval: int = 20):
        if interval < 1:
            raise ValueError(f"LabelSharesHook: interval={interval} must be at least 1 iteration.")
        self.interval = interval
        self._partial: set[str] = set()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Log the shares of the batch."""
        samples = data_batch.get("data_samples") if isinstance(data_batch, dict) else None
        if not samples:
            return
        model = unwrap_model(runner.model)
        heads: Mapping = getattr(model, "heads", {})
        for task in heads:
            if any(task not in sample.gt or task in sample.get("pseudo", ()) for sample in samples):
                self._partial.add(task)
            if task in self._partial and (runner.iter + 1) % self.interval == 0:
                for name, share in label_shares(samples, task, kinds_of_heads(heads)).items():
                    runner.message_hub.update_scalar(f"train/{task}/{name}", 100 * share)


def label_shares(
    samples: Sequence[BaseDataElement], task: str, kinds: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Shares of the samples' pixels, 0 to 1: `real`, `pseudo` and `void` (no label, or an invalid one).

    Labels that are trees of tensors count as valid.

    Args:
        samples: The samples.
        task: Name of the task.
        kinds: Kinds of tasks, `{task: name of the kind}`; see `kind_of_task`.
    """
    counts, total = dict(real=0.0, pseudo=0.0), 0
    for sample in samples:
        height, width = sample.get("ori_shape")
        total += height * width
        label = sample.gt.get(task)
        if label is not None:
            share = 1.0
            if isinstance(label, Tensor):
                valid = kind_of_task(task, label, kinds).valid(label)
                share = int(valid.sum()) / valid.numel()
            counts["pseudo" if task in sample.get("pseudo", ()) else "real"] += height * width * share
    shares = {name: count / max(total, 1) for name, count in counts.items()}
    return shares | dict(void=1 - sum(shares.values()))
