from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from mtl_plugins.registry import MODELS

from .check_index import check_index
from .task_head import TaskHead


class ImageHead(TaskHead):
    """Base of the heads that predict one vector per image: the mean of a feature over all pixels, and a linear layer.

    The losses are those of dense maps: the vector counts as a map of one pixel.

    Args:
        in_channels: Channels of the neck's features, finest first (set by the model).
        in_strides: Strides of the neck's features (set by the model).
        out_channels: Length of the vector.
        in_index: Index of the feature that the head reads; by default the coarsest.
        dropout: Share of the averaged features that are set to 0 in training.
        **kwargs: As for `TaskHead`.

    Raises:
        ValueError: The neck has no feature `in_index`.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        out_channels: int,
        in_index: int = -1,
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_index(type(self).__name__, in_index, in_channels, in_strides)
        self.in_index, self.out_channels = in_index, out_channels
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(in_channels[in_index], out_channels)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Raw output (N, out_channels) from the neck's features."""
        return self.out(self.dropout(features[self.in_index].mean((2, 3))))

    def loss(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Losses by name (`{'loss_<name>': scalar}`).

        Args:
            outputs: Raw output (N, K) of the samples that have this label.
            targets: Their labels, (N, 1) or (N, K).
        """
        return super().loss(outputs[..., None, None], targets[..., None, None])


@MODELS.register_module()
class ImageClassHead(ImageHead):
    """One class per image: logits (N, num_classes). The prediction is the class id, int64 (N, 1).

    Labels are `ImageLabel` (1,), -1 is void.

    Args:
        in_channels: As for `ImageHead`.
        in_strides: As for `ImageHead`.
        num_classes: Number of classes.
        loss: As for `TaskHead`.
        **kwargs: As for `ImageHead`.
    """

    kind = "image_classes"

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        *,
        num_classes: int,
        loss: dict | Sequence[dict] = dict(type="CrossEntropyLoss", ignore_index=-1),  # noqa: B006
        **kwargs: Any,
    ):
        super().__init__(in_channels, in_strides, out_channels=num_classes, loss=loss, **kwargs)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.out_channels


@MODELS.register_module()
class ImageNumbersHead(ImageHead):
    """Regression of one vector per image, such as an age or a pose: the prediction is the linear output (N, K).

    Labels are `ImageLabel` (K,) of floats; a label that contains NaN does not count.

    Args:
        in_channels: As for `ImageHead`.
        in_strides: As for `ImageHead`.
        out_channels: Number of values.
        loss: As for `TaskHead`.
        **kwargs: As for `ImageHead`.
    """

    kind = "image_numbers"

    def __init__(
        self,
        in_channels: Sequence[int],
        in_strides: Sequence[int],
        *,
        out_channels: int = 1,
        loss: dict | Sequence[dict] = dict(type="L1Loss", zero_is_void=False),  # noqa: B006
        **kwargs: Any,
    ):
        super().__init__(in_channels, in_strides, out_channels=out_channels, loss=loss, **kwargs)
