from typing import TypeVar

Value = TypeVar("Value")


def setting_of_dataset(values: dict[str, Value], dataset: str | None, option: str) -> Value:
    """A head's setting for the images of one dataset.

    Args:
        values: Settings by dataset name.
        dataset: Name of the dataset; None if the image does not state it.
        option: Name of the head's option, for messages.

    Raises:
        ValueError: The dataset is unknown or not stated.
    """
    if dataset in values:
        return values[dataset]
    if dataset is None:
        raise ValueError(
            f"the head has {option} for the datasets {', '.join(values)}, but the image does not state its dataset: "
            f"train and evaluate with MultiDataset, and predict with dataset=NAME (predict.py: --dataset NAME)."
        )
    raise ValueError(f"the head has no {option} for the dataset {dataset!r}; choose from {', '.join(values)}.")
