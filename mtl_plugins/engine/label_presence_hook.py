"""Refuse to train a head for which there is nothing to learn from."""

from mmengine.dist import all_gather_object, get_world_size
from mmengine.hooks import Hook

from mtl_plugins.registry import HOOKS

from .unwrap_model import unwrap_model

_TRIED = 3  # samples looked at for a label that only a transform makes


@HOOKS.register_module()
class LabelPresenceHook(Hook):
    """ValueError for a head of ``model.heads`` whose label no training image has.

    Before training it asks the dataset's ``label_counts()`` ({task: images that have the label}). After the first
    pass over the data it holds the heads against the labels that came: listed files may hold nothing.
    Labels that a ``DistillationHook`` fills (its ``tasks``) are passed over.
    """

    def __init__(self):
        self._wanted, self._seen, self._left = set(), set(), 0

    def before_train(self, runner):
        heads, dataset = _trained_heads(runner), runner.train_dataloader.dataset
        counts = _label_counts(dataset)
        if counts is None:
            self._wanted, self._seen, self._left = heads, set(), len(runner.train_dataloader)
            return
        unlabelled = {task for task in heads if not counts.get(task)}
        if unlabelled:  # a transform may make the label: look at finished samples
            for index in range(min(_TRIED, len(dataset))):
                unlabelled -= set(dataset[index]["data_samples"].gt.keys())
        if unlabelled:
            has = ", ".join(f"{task} ({count} images)" for task, count in sorted(counts.items()) if count)
            raise ValueError(_message(unlabelled, f"the training dataset has: {has or 'no label at all'}"))
        # Files that hold nothing (depth all zero) count too, until they are read: an epoch that saw no label of a task
        # with more of them than an incomplete last batch can drop shows it.
        loader = runner.train_dataloader
        dropped = len(dataset) - len(loader) * (loader.batch_size or 1) * get_world_size()
        self._wanted = {task for task in heads if counts.get(task, 0) > max(dropped, 0)}
        self._seen, self._left = set(), len(loader)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if not self._left:
            return
        self._left -= 1
        for sample in data_batch.get("data_samples") or () if isinstance(data_batch, dict) else ():
            self._seen.update(sample.gt.keys() if hasattr(sample, "gt") else ())
        if self._left == 0:
            seen = set().union(*all_gather_object(self._seen))
            if self._wanted - seen:
                has = ", ".join(sorted(seen))
                raise ValueError(_message(self._wanted - seen, f"the first epoch had: {has or 'no label at all'}"))


def _trained_heads(runner):
    model = unwrap_model(runner.model)
    teachers = [hook for hook in runner.hooks if type(hook).__name__ == "DistillationHook"]
    return set(getattr(model, "heads", ())).difference(*(getattr(teacher, "tasks", ()) for teacher in teachers))


def _label_counts(dataset):
    """Counts of a dataset or of those that it wraps (concatenated, repeated); None where one has none."""
    if hasattr(dataset, "label_counts"):
        return dict(dataset.label_counts())
    if hasattr(dataset, "datasets"):
        counts = [_label_counts(part) for part in dataset.datasets]
        if any(count is None for count in counts):
            return None
        return {task: sum(c.get(task, 0) for c in counts) for task in set().union(*counts)}
    return _label_counts(dataset.dataset) if hasattr(dataset, "dataset") else None


def _message(tasks, found):
    names = ", ".join(map(repr, sorted(tasks)))
    first = sorted(tasks)[0]
    return (
        f"no training image has a label for the head {names}; {found}. Take the head out of the config "
        f"(model.heads.{first}=None), or give the dataset that label (a column of its list)."
    )
