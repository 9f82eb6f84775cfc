import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mtl_plugins.models import InferenceNetwork

from .extras import is_installed, require
from .network_digest import network_digest


@dataclass(frozen=True)
class Signature:
    """What goes in and what comes out: all that has to be known of an exported file.

    Args:
        tasks: Names of the outputs, in order.
        shape: (N, H, W) of the images; ``None`` where any will do.
        whole: Whether uint8 images go in and maps come out, see ``InferenceNetwork``.
        dataset: Whose classes and depths a ``whole`` network gives, where it tells datasets apart.
        precision: ``'float32'``, ``'bf16'``, ``'fp16'`` or ``'int8'``.
        network: ``network_digest`` of the model.
    """

    tasks: tuple[str, ...]
    shape: tuple[int | None, int | None, int | None] = (None, None, None)
    whole: bool = False
    dataset: str | None = None
    precision: str = "float32"
    network: str = ""

    @classmethod
    def of(cls, network: InferenceNetwork, precision: str = "float32", shape=(None, None, None)) -> "Signature":
        return cls(
            tuple(network.tasks), tuple(shape), network.whole, network.dataset, precision, network_digest(network.model)
        )

    @classmethod
    def from_json(cls, text: str) -> "Signature":
        values = json.loads(text)
        return cls(**{**values, "tasks": tuple(values["tasks"]), "shape": tuple(values["shape"])})

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def check(self, images: Tensor) -> None:
        """``ValueError`` for images that it does not take; both sizes are told."""
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"the network takes images (N, 3, H, W); given: {tuple(images.shape)}.")
        if self.whole != (images.dtype == torch.uint8):
            wanted = "uint8 images, as they are" if self.whole else "normalised images, floating point"
            raise ValueError(f"the network takes {wanted}; given: {images.dtype}.")
        n, _, height, width = images.shape
        if any(fixed not in (None, size) for fixed, size in zip(self.shape, (n, height, width), strict=True)):
            batch = "" if self.shape[0] in (None, n) else f" --batch {n}"
            raise ValueError(
                f"the network was exported for {_told(*self.shape)}, and is given {_told(n, height, width)}: resize "
                f"the images or change the batch size, or export it for this size (export.py: --size {height} {width}"
                f"{batch}) or for any (without --fixed-size and --batch)."
            )


def _told(n, height, width):
    batch = "any number" if n is None else f"batches of {n}"
    return f"{batch} of images {height or 'any height'} x {width or 'any width'}"


class Backend(ABC):
    """A network that computes: ``backend(images)`` gives ``{task: output}``.

    Images are what ``InferenceNetwork`` takes: normalised floats (N, 3, H, W), best channels-last, or uint8 where it is
    ``whole``. Outputs are float32 (N, C, h, w), or maps; they stay as they are when the backend is called again.

    It is built of a network by ``build``.
    """

    name: ClassVar[str]
    precisions: ClassVar[tuple[str, ...]]
    needs: ClassVar[dict[str, str]] = {}  # modules, and the extra of ours that has them

    def __init__(self, signature: Signature):
        self.signature = signature

    @property
    def tasks(self) -> tuple[str, ...]:
        return self.signature.tasks

    @property
    def precision(self) -> str:
        return self.signature.precision

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        self.signature.check(images)
        return dict(zip(self.tasks, self._compute(images), strict=True))

    @abstractmethod
    def _compute(self, images: Tensor) -> Sequence[Tensor]:
        """Outputs in the order of ``tasks``."""

    @classmethod
    def is_available(cls) -> bool:
        return all(map(is_installed, cls.needs))

    @classmethod
    def require_libraries(cls) -> None:
        """``ImportError`` for the first that is missing; says what to install."""
        for module, extra in cls.needs.items():
            require(module, extra)

    @classmethod
    @abstractmethod
    def build(
        cls,
        network: InferenceNetwork,
        size: tuple[int, int],
        precision: str = "float32",
        batch: int | None = None,
        fixed_size: bool = True,
        **options,
    ) -> "Backend":
        """See ``build_backend``."""
