"""Refusing to train a head that has no labels."""

from collections.abc import Iterable
from typing import Any

from mmengine.dist import all_gather_object, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mtl_plugins.registry import HOOKS
from mtl_plugins.unwrap_model import unwrap_model

from .check_dataset_names import check_dataset_names
from .distillation import DistillationHook

_LOOKED_AT = 3  # samples to transform in search of labels that only a transform creates


@HOOKS.register_module()
class LabelPresenceHook(Hook):
    """Checks that every head receives labels, and raises ValueError otherwise.

    It first checks the names of datasets in the heads (`check_dataset_names`) and compares `model.heads` with
    the dataset's `label_counts()`: `{task: images with that label}`. After the first epoch it checks that every head
    received at least one label, because label files can be empty. Labels that a `DistillationHook`, or a subclass of
    it, fills are not required.
    """

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._seen: set[str] = set()
        self._left = 0

    def before_train(self, runner: Runner) -> None:
        """Compare the heads with the dataset's label counts."""
        heads, dataset = _trained_heads(runner), runner.train_dataloader.dataset
        hooks = [hook for hook in runner.hooks if isinstance(hook, DistillationHook)]
        teachers = [config for hook in hooks for config in getattr(hook, "configs", ())]
        check_dataset_names(getattr(unwrap_model(runner.model), "heads", {}), dataset, teachers)
        counts = _label_counts(dataset)
        if counts is None:
            self._wanted, self._seen, self._left = heads, set(), len(runner.train_dataloader)
            return
        unlabelled = {task for task in heads if not counts.get(task)}
        if unlabelled:  # a transform may create the label: look at transformed samples
            for index in range(min(_LOOKED_AT, len(dataset))):
                unlabelled -= set(dataset[index]["data_samples"].gt.keys())
        if unlabelled:
            present = ", ".join(f"{task} ({count} images)" for task, count in sorted(counts.items()) if count)
            raise ValueError(_message(unlabelled, f"the training dataset has: {present or 'no labels at all'}"))
        # Empty files (depth all zero) are counted until they are read. An epoch without a label of a task is only an
        # error if the task has more labels than an incomplete last batch can drop.
        loader = runner.train_dataloader
        dropped = len(dataset) - len(loader) * (loader.batch_size or 1) * get_world_size()
        self._wanted = {task for task in heads if counts.get(task, 0) > max(dropped, 0)}
        self._seen, self._left = set(), len(loader)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Collect the labels of the first epoch, and check them at its end."""
        if not self._left:
            return
        self._left -= 1
        for sample in data_batch.get("data_samples") or () if isinstance(data_batch, dict) else ():
            self._seen.update(sample.gt.keys() if hasattr(sample, "gt") else ())
        if self._left == 0:
            seen: set[str] = set().union(*all_gather_object(self._seen))
            if self._wanted - seen:
                present = ", ".join(sorted(seen))
                raise ValueError(_message(self._wanted - seen, f"the first epoch had: {present or 'no labels at all'}"))


def _trained_heads(runner: Runner) -> set[str]:
    """The heads whose labels must come from the data."""
    model = unwrap_model(runner.model)
    filled = [hook.tasks for hook in runner.hooks if isinstance(hook, DistillationHook)]
    return set(getattr(model, "heads", ())).difference(*filled)


def _label_counts(dataset: Any) -> dict[str, int] | None:
    """Label counts of a dataset or of the datasets that it wraps; `None` if one of them has none."""
    if hasattr(dataset, "label_counts"):
        return dict(dataset.label_counts())
    if hasattr(dataset, "datasets"):
        counts = [_label_counts(part) for part in dataset.datasets]
        known = [count for count in counts if count is not None]
        if len(known) < len(counts):
            return None
        return {task: sum(c.get(task, 0) for c in known) for task in set().union(*known)}
    return _label_counts(dataset.dataset) if hasattr(dataset, "dataset") else None


def _message(tasks: Iterable[str], found: str) -> str:
    names = ", ".join(map(repr, sorted(tasks)))
    first = sorted(tasks)[0]
    return (
        f"No training image has a label for the head {names}; {found}. Remove the head from the config "
        f"(model.heads.{first}=None), or add that label to the dataset (a column of its list)."
    )
