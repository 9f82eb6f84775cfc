from collections.abc import Iterator, Mapping
from typing import Any


def innermost_datasets(dataset: Any) -> Iterator[Any]:
    """The datasets inside wrappers such as `MultiDataset` and `ConcatDataset`; the dataset itself if it wraps none."""
    inner = getattr(dataset, "datasets", None)
    if inner is None and hasattr(dataset, "dataset"):
        inner = [dataset.dataset]
    if inner is None:
        yield dataset
        return
    for part in inner.values() if isinstance(inner, Mapping) else inner:
        yield from innermost_datasets(part)
