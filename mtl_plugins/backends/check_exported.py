"""Checks that an exported file belongs to the model of a config."""

from collections.abc import Sequence

from mtl_plugins.models import MultiTaskModel

from .network_digest import network_digest
from .signature import Signature


def check_same_network(signature: Signature, model: MultiTaskModel) -> None:
    """Check that an exported file was made from a network of the same form and normalisation as `model`.

    Raises:
        ValueError: Backbone, neck or normalisation differ.
    """
    if signature.network and signature.network != network_digest(model):
        raise ValueError(
            "the exported file belongs to another network than the config: its backbone or neck differs. Use the "
            "config and the options that it was exported with."
        )
    own = [getattr(model.data_preprocessor, name, None) for name in ("mean_rgb", "std_rgb")]
    theirs = [signature.mean, signature.std]
    if not signature.end_to_end and None not in (*own, *theirs) and own != theirs:
        raise ValueError(
            f"the exported file needs images normalised with mean {theirs[0]} and std {theirs[1]}, but the config's "
            f"data_preprocessor uses {own[0]} and {own[1]}. Use the config that it was exported with."
        )


def check_exported(
    signature: Signature, model: MultiTaskModel, tasks: Sequence[str] | None = None, dataset: str | None = None
) -> None:
    """Check that an exported file can predict `tasks` for `dataset` in place of `model`.

    Args:
        signature: Signature of the file.
        model: The model of the config.
        tasks: Tasks to predict; by default all of the file.
        dataset: Dataset whose classes and depths are predicted, if the heads distinguish datasets.

    Raises:
        ValueError: The file belongs to another network, has no output for a task, or predicts for another dataset.
    """
    check_same_network(signature, model)
    missing = [task for task in (tasks or signature.tasks) if task not in signature.tasks or task not in model.tasks]
    if missing:
        raise ValueError(
            f"the exported file predicts {', '.join(signature.tasks)} and the config has {', '.join(model.tasks)}: "
            f"{', '.join(missing)} is not in both. Use the config that it was exported with, or choose other tasks."
        )
    if signature.end_to_end and signature.dataset != dataset:
        raise ValueError(
            f"the exported file predicts for the dataset {signature.dataset}, but {dataset} was requested: export it "
            f"again with --dataset {dataset}, or choose dataset={signature.dataset!r}."
        )
