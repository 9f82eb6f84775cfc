from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from mtl_plugins.models import InferenceNetwork

from .backend import Backend
from .graph import Graph, capture


class GraphBackend(Backend):
    """A backend that computes a graph of the network. It can write the graph to a file and load it."""

    suffix: ClassVar[str]  # of the file

    @classmethod
    def build(
        cls,
        network: InferenceNetwork,
        size: tuple[int, int],
        precision: str = "float32",
        batch: int | None = None,
        fixed_size: bool = True,
        calibration: Sequence[Tensor] | None = None,
        **options: Any,
    ) -> "GraphBackend":
        cls.require_libraries()
        graph = cls.capture(network, size, precision, batch, fixed_size)
        return cls.of_graph(graph, precision, calibration, **options)

    @classmethod
    def capture(
        cls,
        network: InferenceNetwork,
        size: tuple[int, int],
        precision: str = "float32",
        batch: int | None = None,
        fixed_size: bool = False,
    ) -> Graph:
        """The graph that `of_graph` and `write` take for this precision; arguments as for `capture`."""
        return capture(network, size, "float32", batch, fixed_size)

    def _compute(self, images: Tensor) -> dict[str, Any]:
        return self.signature.unflatten(self._run(images))

    @abstractmethod
    def _run(self, images: Tensor) -> Sequence[Tensor]:
        """All output tensors, in the order of `signature.outputs`."""

    @classmethod
    @abstractmethod
    def of_graph(
        cls, graph: Graph, precision: str = "float32", calibration: Sequence[Tensor] | None = None, **options: Any
    ) -> "GraphBackend":
        """The backend of a graph.

        Args:
            graph: Result of `capture`.
            precision: Precision to compute in.
            calibration: For int8 only: images as the network takes them.
            **options: Options of the backend.
        """

    @classmethod
    @abstractmethod
    def write(
        cls, graph: Graph, path: Path, precision: str = "float32", calibration: Sequence[Tensor] | None = None
    ) -> None:
        """Write the graph and its signature to a file; some formats write further files with the same stem."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path, **options: Any) -> "GraphBackend":
        """The backend of a file that `write` wrote.

        Raises:
            ValueError: The file was written by another program.
        """


def foreign_file(path: str | Path) -> ValueError:
    """The error for a file that contains a network but no signature."""
    return ValueError(
        f"{path} has no information about its tasks and images: it was not written by tools/export.py. Export the "
        f"network again."
    )
