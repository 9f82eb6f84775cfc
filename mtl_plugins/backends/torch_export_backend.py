import warnings

import torch

from .backend import Signature
from .graph import capture, first_line, least_size
from .graph_backend import GraphBackend, foreign_file
from .torch_backend import DTYPES, as_answers, as_input

_SIGNATURE = "mtl_plugins.json"


class TorchExportBackend(GraphBackend):
    """A graph of ``torch.export``, which PyTorch computes without our code; a file is ``.pt2``."""

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
    def capture(cls, network, size, precision="float32", batch=None, fixed_size=False):
        return capture(network, size, precision, batch, fixed_size)

    @classmethod
    def of_graph(cls, graph, precision="float32", calibration=None):
        return cls(graph.exported, graph.signature)

    @classmethod
    def write(cls, graph, path, precision="float32", calibration=None):
        with warnings.catch_warnings():
            # of channels-last weights it says that it takes the first tensor of their memory: there is but one
            warnings.filterwarnings("ignore", "No complete tensor found")
            torch.export.save(graph.exported, path, extra_files={_SIGNATURE: graph.signature.to_json()})

    @classmethod
    def load(cls, path):
        extra_files = {_SIGNATURE: ""}
        exported = torch.export.load(path, extra_files=extra_files)
        if not extra_files[_SIGNATURE]:
            raise foreign_file(path)
        return cls(exported, Signature.from_json(extra_files[_SIGNATURE]))

    @torch.inference_mode()
    def _compute(self, images):
        if any(given < least for given, least in zip(images.shape[-2:], self.least_size, strict=True)):
            height, width = self.least_size
            raise ValueError(
                f"the exported network takes images from {height} x {width} on, and is given "
                f"{images.shape[-2]} x {images.shape[-1]}: enlarge the images."
            )
        try:
            return as_answers(self.network(as_input(images, self.dtype, self.device)))
        except AssertionError as error:  # a guard of the graph
            raise ValueError(
                f"the exported network can't compute images of {images.shape[-2]} x {images.shape[-1]}: "
                f"{first_line(error)}"
            ) from error
