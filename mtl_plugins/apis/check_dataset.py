from collections.abc import Sequence

from mtl_plugins.kinds import class_lists, require_dataset
from mtl_plugins.models import MultiTaskModel


def check_dataset(model: MultiTaskModel, dataset: str | None, tasks: Sequence[str] | None) -> str | None:
    """Check that a dataset exists, or is not needed to know the classes of the tasks.

    Args:
        model: The network.
        dataset: Name of the dataset; None if the images belong to none.
        tasks: Tasks to predict; None for all.

    Returns:
        The dataset.

    Raises:
        ValueError: The dataset does not exist, or is required.
    """
    meta = getattr(model, "dataset_meta", {})  # a model that `init_model` did not build has none
    distinguished, trained = sorted(model.datasets), tuple(meta.get("datasets") or ())
    advice = "with dataset=NAME (predict.py: --dataset NAME)"
    if dataset is not None:
        if not distinguished and not trained:
            raise ValueError(
                f"dataset {dataset!r} does not exist: the network was trained on a single dataset. Leave out dataset "
                "(predict.py: --dataset)."
            )
        require_dataset(dataset, distinguished or trained)
        return dataset
    if distinguished:
        raise ValueError(
            "dataset is not set, but this network predicts the classes and depths of one dataset at a time: choose one "
            f"of {', '.join(distinguished)} {advice}."
        )
    for task in model.tasks if tasks is None else tasks:
        if len(class_lists(task, meta)) > 1:
            raise ValueError(
                f"dataset is not set, but the classes of {task} have other names in each of the datasets "
                f"{', '.join(trained)}: choose one {advice}."
            )
    return None
