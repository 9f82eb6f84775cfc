from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class BuildOptions:
    """What a backend is built for.

    Attributes:
        size: (H, W) of the images; an example if `fixed_size` is False. The PyTorch backends support any size.
        precision: One of the backend's `precisions`.
        batch: Batch size; None for any.
        fixed_size: Whether images have only this size, which can be faster.
        calibration: For int8 only: images as the network takes them.
    """

    size: tuple[int, int] = (480, 640)
    precision: str = "float32"
    batch: int | None = None
    fixed_size: bool = True
    calibration: Sequence[Tensor] | None = None
