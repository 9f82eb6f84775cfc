"""Whether the dataset names in the model's heads and teachers exist."""

from collections.abc import Iterable, Mapping
from typing import Any

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.kinds import require_dataset


def check_dataset_names(heads: Mapping[str, Any], dataset: Any, teachers: Iterable[Mapping[str, Any]] = ()) -> None:
    """Compare the dataset names in heads and teachers with those of the training set.

    A head that distinguishes datasets must know each dataset that has its labels; it may know others, as for
    fine-tuning. Weights and teachers may only name existing datasets.

    Args:
        heads: The heads by task.
        dataset: The training set. Nothing is checked if its parts have no names.
        teachers: Configs of the teachers of a `DistillationHook`.

    Raises:
        ValueError: A dataset does not exist, or a head does not know it.
    """
    parts = getattr(dataset, "datasets", None)
    if not isinstance(parts, Mapping):
        parts = {dataset.name: dataset} if getattr(dataset, "name", None) else {}
    if not parts:
        return
    for task, head in heads.items():
        known = tuple(getattr(head, "datasets", ()))
        labelled = [name for name, part in parts.items() if task in getattr(part, "tasks", ())]
        for name in (name for name in labelled if known and name not in known):
            raise ValueError(
                f"model.heads.{task} distinguishes the datasets {', '.join(known)}, but the training set {name!r} also "
                f"has labels of {task}: {did_you_mean(name, known)}Add {name!r} to the head's ranges or scales."
            )
        for name in getattr(head, "dataset_weights", ()):
            require_dataset(name, dict.fromkeys((*parts, *known)), f"model.heads.{task}.dataset_weights: dataset")
    for teacher in teachers:
        for name in teacher.get("datasets") or ():
            require_dataset(name, parts, "DistillationHook: the teacher's dataset")
