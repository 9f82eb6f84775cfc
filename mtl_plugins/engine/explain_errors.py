"""Errors of PyTorch during training with their cause and what to change."""

from collections.abc import Iterator
from contextlib import contextmanager

_ONE_VALUE = "Expected more than 1 value per channel when training"


@contextmanager
def explain_errors() -> Iterator[None]:
    """Raise a `ValueError` with cause and cure for errors that PyTorch explains only to its developers."""
    try:
        yield
    except ValueError as error:
        if _ONE_VALUE not in str(error):
            raise
        raise ValueError(
            f"batch normalisation cannot normalise a 1 x 1 map of a batch of one image ({error}): use a batch_size "
            f"of at least 2 with drop_last=True in train_dataloader, larger images, or no batch normalisation there."
        ) from error
