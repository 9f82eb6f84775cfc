from typing import TypeVar

Value = TypeVar("Value")


def of_dataset(values: dict[str, Value], dataset: str | None, option: str) -> Value:
    """A head's setting for the images of one dataset.

    Raises:
        ValueError: the image tells no dataset, or one that the head does not know.
    """
    if dataset in values:
        return values[dataset]
    if dataset is None:
        raise ValueError(
            f"the head has {option} for the datasets {', '.join(values)}, but the image does not tell which it is of: "
            f"train and evaluate with MultiDataset, and predict with dataset=NAME (predict.py: --dataset NAME)."
        )
    raise ValueError(f"the head has no {option} for the dataset {dataset!r}; it knows {', '.join(values)}.")
