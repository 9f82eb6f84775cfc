from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from mtl_plugins.models import InferenceNetwork

from .backend import Backend
from .build_options import BuildOptions
from .graph import Graph, capture, first_line


class GraphBackend(Backend):
    """A backend that computes a graph of the network. It can write the graph to a file and load it."""

    suffix: ClassVar[str]  # of the file

    @classmethod
    def build(cls, network: InferenceNetwork, options: BuildOptions, **settings: Any) -> "GraphBackend":
        cls.require_libraries()
        return cls.of_graph(cls.capture(network, options), options, **settings)

    @classmethod
    def capture(cls, network: InferenceNetwork, options: BuildOptions) -> Graph:
        """The graph that `of_graph` and `write` take for these options."""
        return capture(network, replace(options, precision="float32"))

    def _compute(self, images: Tensor) -> dict[str, Any]:
        try:
            outputs = self._run(images)
        except (ValueError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # each library raises its own exceptions
            height, width = images.shape[-2:]
            raise ValueError(
                f"the exported network cannot compute images of {height} x {width} with {self.name}: "
                f"{first_line(error)}. Export the network again if other images fail as well."
            ) from error
        if len(outputs) != len(self.signature.outputs):
            raise ValueError(
                f"the exported network returns {len(outputs)} outputs, but its signature names "
                f"{', '.join(self.signature.outputs)}: the file is damaged or was changed. Export the network again."
            )
        return self.signature.unflatten(outputs)

    @abstractmethod
    def _run(self, images: Tensor) -> Sequence[Tensor]:
        """All output tensors, in the order of `signature.outputs`."""

    @classmethod
    @abstractmethod
    def of_graph(cls, graph: Graph, options: BuildOptions, **settings: Any) -> "GraphBackend":
        """The backend of a graph.

        Args:
            graph: Result of `capture`.
            options: Precision and calibration are used; the rest is part of the graph.
            **settings: Settings of the backend.
        """

    @classmethod
    @abstractmethod
    def write(cls, graph: Graph, path: Path, options: BuildOptions) -> None:
        """Write the graph and its signature to a file; some formats write further files with the same stem.

        Args:
            graph: Result of `capture`.
            path: Path of the file.
            options: As for `of_graph`.
        """

    @classmethod
    @abstractmethod
    def load(cls, path: Path, **settings: Any) -> "GraphBackend":
        """The backend of a file that `write` wrote.

        Raises:
            ValueError: The file was written by another program.
        """


def foreign_file(path: str | Path) -> ValueError:
    """The error for a file that contains a network but no signature."""
    return ValueError(
        f"{path} has no information about its tasks and images: it was not written by mtl export. Export the "
        f"network again."
    )
