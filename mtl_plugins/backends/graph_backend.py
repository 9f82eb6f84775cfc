from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from .backend import Backend
from .graph import Graph, capture


class GraphBackend(Backend):
    """One that computes a graph in place of the network: it can write the graph to a file, and load it."""

    suffix: ClassVar[str]  # of the file

    @classmethod
    def build(cls, network, size, precision="float32", batch=None, fixed_size=True, calibration=None, **options):
        cls.require_libraries()
        graph = cls.capture(network, size, precision, batch, fixed_size)
        return cls.of_graph(graph, precision, calibration, **options)

    @classmethod
    def capture(cls, network, size, precision="float32", batch=None, fixed_size=False) -> Graph:
        """The graph that ``of_graph`` and ``write`` take for this precision."""
        return capture(network, size, "float32", batch, fixed_size)

    @classmethod
    @abstractmethod
    def of_graph(cls, graph: Graph, precision: str = "float32", calibration=None, **options) -> "GraphBackend":
        """The backend of a graph; ``calibration``: images as the network takes them, for int8 alone."""

    @classmethod
    @abstractmethod
    def write(cls, graph: Graph, path: Path, precision: str = "float32", calibration=None) -> None:
        """Write the graph and its signature to ``path``, and perhaps to files beside it of the same stem."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path, **options) -> "GraphBackend":
        """The backend of a file that ``write`` wrote; ``ValueError`` for another's."""


def foreign_file(path) -> ValueError:
    """For a file that holds a network, but not one of ours."""
    return ValueError(
        f"{path} does not say which tasks it answers and for which images: it was not written by tools/export.py. "
        f"Export the network again."
    )
