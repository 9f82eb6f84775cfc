from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor

from mtl_plugins.models import InferenceNetwork

from .build_options import BuildOptions
from .extras import is_installed, require
from .signature import Signature


class Backend(ABC):
    """Computes a network: `backend(images)` returns outputs by task.

    Images are those of `InferenceNetwork`: normalised floats (N, 3, H, W), preferably channels-last, or uint8 for an
    end-to-end network. Outputs are float32 tensors (N, C, h, w), predictions, or trees of tensors. They stay valid when
    the backend is called again.

    Use `build` or `build_backend` to create a backend from a network.

    Args:
        signature: Inputs and outputs of the network.
    """

    name: ClassVar[str]
    precisions: ClassVar[tuple[str, ...]]
    needs: ClassVar[dict[str, str]] = {}  # required modules, and the optional dependency group with each of them

    def __init__(self, signature: Signature):
        self.signature = signature

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        return self.signature.tasks

    @property
    def precision(self) -> str:
        """The precision in which the network is computed."""
        return self.signature.precision

    def __call__(self, images: Tensor) -> dict[str, Any]:
        self.signature.check(images)
        return self._compute(images)

    @abstractmethod
    def _compute(self, images: Tensor) -> dict[str, Any]:
        """Outputs by task, in the order of `tasks`."""

    @classmethod
    def is_available(cls) -> bool:
        """Whether the required libraries are installed."""
        return all(map(is_installed, cls.needs))

    @classmethod
    def require_libraries(cls) -> None:
        """Import the required libraries.

        Raises:
            ImportError: A library is missing. The message contains the command that installs it.
        """
        for module, extra in cls.needs.items():
            require(module, extra)

    @classmethod
    @abstractmethod
    def build(cls, network: InferenceNetwork, options: BuildOptions, **settings: Any) -> "Backend":
        """The backend of a network.

        Args:
            network: The network to compute.
            options: What the backend is built for.
            **settings: Settings of the backend: `threads`, `device`, ...
        """
