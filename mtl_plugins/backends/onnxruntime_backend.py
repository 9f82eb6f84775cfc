import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from .backend import Signature
from .extras import require
from .graph import INPUT
from .graph_backend import GraphBackend, foreign_file
from .onnx_file import SIGNATURE, write_onnx

_ERRORS = 3  # of ONNX Runtime's log levels


class OnnxRuntimeBackend(GraphBackend):
    """ONNX Runtime; a file is ``.onnx``.

    Args:
        path: An ONNX file that ``write`` wrote.
        threads: ``None``: as many as ONNX Runtime takes.
        providers: Where it computes (``'CUDAExecutionProvider'``), see ONNX Runtime.
    """

    name = "onnxruntime"
    precisions = ("float32",)
    suffix = ".onnx"
    needs = dict(onnx="onnx", onnxscript="onnx", onnxruntime="onnx")

    def __init__(self, path: Path, threads: int | None = None, providers: Sequence[str] = ("CPUExecutionProvider",)):
        onnxruntime = require("onnxruntime", self.needs["onnxruntime"])
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = _ERRORS
        if threads is not None:
            options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), options, providers=list(providers))
        signature = self.session.get_modelmeta().custom_metadata_map.get(SIGNATURE)
        if signature is None:
            raise foreign_file(path)
        super().__init__(Signature.from_json(signature))

    @classmethod
    def of_graph(cls, graph, precision="float32", calibration=None, **options):
        with tempfile.TemporaryDirectory(prefix="mtl-onnx-") as folder:
            path = Path(folder) / f"network{cls.suffix}"
            cls.write(graph, path)
            return cls(path, **options)

    @classmethod
    def write(cls, graph, path, precision="float32", calibration=None):
        cls.require_libraries()
        write_onnx(graph, path)

    @classmethod
    def load(cls, path, **options):
        return cls(path, **options)

    def _compute(self, images):
        outputs = self.session.run(None, {INPUT: images.cpu().contiguous().numpy()})
        return [torch.from_numpy(output) for output in outputs]
