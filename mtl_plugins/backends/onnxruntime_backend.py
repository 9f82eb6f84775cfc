import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.models.foreign import append_digest, open_onnx

from .build_options import BuildOptions
from .extras import require
from .graph import INPUT, Graph
from .graph_backend import GraphBackend, foreign_file
from .onnx_file import SIGNATURE, write_onnx
from .signature import Signature

_ERROR = 3  # log level of ONNX Runtime


class OnnxRuntimeBackend(GraphBackend):
    """ONNX Runtime; the file format is `.onnx`.

    Args:
        path: An ONNX file that `write` wrote.
        threads: Number of threads; None for ONNX Runtime's default.
        providers: ONNX Runtime's execution providers (`'CUDAExecutionProvider'`).
    """

    name = "onnxruntime"
    precisions = ("float32",)
    suffix = ".onnx"
    needs = dict(onnx="onnx", onnxscript="onnx", onnxruntime="onnx")

    def __init__(
        self, path: str | Path, threads: int | None = None, providers: Sequence[str] = ("CPUExecutionProvider",)
    ):
        onnxruntime = require("onnxruntime", self.needs["onnxruntime"])
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = _ERROR
        if threads is not None:
            options.intra_op_num_threads = threads
        self.session = open_onnx(Path(path), providers, options)
        signature = self.session.get_modelmeta().custom_metadata_map.get(SIGNATURE)
        if signature is None:
            raise foreign_file(path)
        super().__init__(Signature.from_json(signature))

    @classmethod
    def of_graph(cls, graph: Graph, options: BuildOptions, **settings: Any) -> "OnnxRuntimeBackend":
        with tempfile.TemporaryDirectory(prefix="mtl-onnx-") as folder:
            path = Path(folder) / f"network{cls.suffix}"
            cls.write(graph, path, options)
            return cls(path, **settings)

    @classmethod
    def write(cls, graph: Graph, path: Path, options: BuildOptions) -> None:
        cls.require_libraries()
        write_onnx(graph, path)
        append_digest(path)

    @classmethod
    def load(cls, path: Path, **settings: Any) -> "OnnxRuntimeBackend":
        return cls(path, **settings)

    def _run(self, images: Tensor) -> Sequence[Tensor]:
        outputs = self.session.run(None, {INPUT: images.cpu().contiguous().numpy()})
        return [torch.from_numpy(output) for output in outputs]
