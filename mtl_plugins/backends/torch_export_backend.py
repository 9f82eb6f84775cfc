from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from mtl_plugins.models import InferenceNetwork

from .build_options import BuildOptions
from .graph import Graph, capture, first_line, least_size
from .graph_backend import GraphBackend, foreign_file
from .pt2_file import read_pt2, write_pt2
from .signature import Signature
from .torch_backend import DTYPES, as_float32, as_input


class TorchExportBackend(GraphBackend):
    """A graph of `torch.export`, which PyTorch computes without this package; the file format is `.pt2`.

    Args:
        exported: The graph. It returns outputs by task.
        signature: Inputs and outputs of the graph.
    """

    name = "torch-export"
    precisions = tuple(DTYPES)
    suffix = ".pt2"

    def __init__(self, exported: torch.export.ExportedProgram, signature: Signature):
        super().__init__(signature)
        self.least_size = least_size(exported)
        self.network = exported.module()
        self.dtype = DTYPES[self.precision]
        self.device = next(iter(exported.state_dict.values())).device

    @classmethod
    def capture(cls, network: InferenceNetwork, options: BuildOptions) -> Graph:
        return capture(network, options)

    @classmethod
    def of_graph(cls, graph: Graph, options: BuildOptions, **settings: Any) -> "TorchExportBackend":
        return cls(graph.exported, graph.signature, **settings)

    @classmethod
    def write(cls, graph: Graph, path: Path, options: BuildOptions) -> None:
        write_pt2(graph.exported, path, graph.signature.to_json())

    @classmethod
    def load(cls, path: Path, **settings: Any) -> "TorchExportBackend":
        exported, signature = read_pt2(path)
        if not signature:
            raise foreign_file(path)
        return cls(exported, Signature.from_json(signature), **settings)

    @torch.inference_mode()
    def _run(self, images: Tensor) -> Sequence[Tensor]:
        if any(given < least for given, least in zip(images.shape[-2:], self.least_size, strict=True)):
            height, width = self.least_size
            raise ValueError(
                f"the exported network needs images of at least {height} x {width}, but they are "
                f"{images.shape[-2]} x {images.shape[-1]}: enlarge the images."
            )
        try:
            outputs = self.network(as_input(images, self.dtype, self.device))
            return [as_float32(output) for output in tree_leaves(outputs)]
        except AssertionError as error:  # a guard of the graph
            raise ValueError(
                f"the exported network cannot compute images of {images.shape[-2]} x {images.shape[-1]}: "
                f"{first_line(error)}"
            ) from error
