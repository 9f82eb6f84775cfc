import logging
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.engine import quiet_console
from mtl_plugins.models import InferenceNetwork

from .antialiased import spell_out_antialiasing
from .build_options import BuildOptions
from .extras import require
from .graph import Graph
from .graph_backend import GraphBackend, foreign_file
from .onnx_file import SIGNATURE, write_onnx
from .openvino_digest import append_digest, check_digest
from .signature import Signature


class OpenVinoBackend(GraphBackend):
    """OpenVINO; the file format is `.xml`, with the weights in a `.bin` file of the same name.

    Precision `'int8'` needs `calibration`: images as the network takes them, each (N, 3, H, W), for example training
    images. The ranges of the activations on these images become the ranges of int8. On a processor without bf16,
    OpenVINO computes `'bf16'` in float32.

    Args:
        model: An `openvino.Model` that contains a signature.
        threads: Number of threads; None for OpenVINO's default.
        device: OpenVINO's device: `'CPU'`, `'GPU'`, `'AUTO'`, ...
    """

    name = "openvino"
    precisions = ("float32", "bf16", "int8")
    suffix = ".xml"
    needs = dict(openvino="openvino", onnx="openvino", onnxscript="openvino")

    def __init__(self, model: Any, threads: int | None = None, device: str = "CPU"):
        openvino = require("openvino", self.needs["openvino"])
        super().__init__(Signature.from_json(model.get_rt_info([SIGNATURE]).astype(str)))
        core = openvino.Core()
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": self._hint(core, device)}
        if threads is not None:
            config["INFERENCE_NUM_THREADS"] = threads
        self.request = core.compile_model(_reading_channels_last(model), device, config).create_infer_request()

    def _hint(self, core, device):
        """The precision of all operations that are not int8."""
        if self.precision == "int8":
            return "bf16" if "BF16" in core.get_property(device, "OPTIMIZATION_CAPABILITIES") else "f32"
        return {"float32": "f32", "bf16": "bf16"}[self.precision]

    @classmethod
    def capture(cls, network: InferenceNetwork, options: BuildOptions) -> Graph:
        if options.precision == "int8":  # needs a quarter of the memory: the finest level fits into the cache anyway
            network = InferenceNetwork(
                network.model, network.tasks, network.end_to_end, network.dataset, channel_blocked=False
            )
        return super().capture(network, options)

    @classmethod
    def of_graph(cls, graph: Graph, options: BuildOptions, **settings: Any) -> "OpenVinoBackend":
        return cls(_convert(graph, options), **settings)

    @classmethod
    def write(cls, graph: Graph, path: Path, options: BuildOptions) -> None:
        cls.require_libraries()
        model = _convert(graph, options)
        require("openvino", cls.needs["openvino"]).save_model(model, path, compress_to_fp16=False)
        append_digest(path)

    @classmethod
    def load(cls, path: Path, **settings: Any) -> "OpenVinoBackend":
        openvino = require("openvino", cls.needs["openvino"])
        check_digest(path)
        model = openvino.Core().read_model(path)
        if not model.has_rt_info([SIGNATURE]):
            raise foreign_file(path)
        return cls(model, **settings)

    def _run(self, images: Tensor) -> Sequence[Tensor]:
        images = images.cpu().permute(0, 2, 3, 1).contiguous()  # no copy if they are channels-last
        outputs = self.request.infer([images.numpy()], share_inputs=True)
        return [torch.from_numpy(output) for output in outputs.values()]


def _convert(graph: Graph, options: BuildOptions) -> Any:
    """An `openvino.Model` with the signature in its runtime info."""
    import openvino

    precision, calibration = options.precision, options.calibration
    if (precision == "int8") != (calibration is not None):
        raise ValueError(
            "precision 'int8' needs calibration images, and no other precision does: pass calibration=[images, ...] "
            "(export.py: --calibrate IMAGE...), some dozens of typical images."
        )
    # Converted from ONNX: OpenVINO does not support all operations on sizes in graphs of torch.export, such as a ViT's.
    with tempfile.TemporaryDirectory(prefix="mtl-openvino-") as folder:
        path = Path(folder) / "network.onnx"
        write_onnx(replace(graph, exported=spell_out_antialiasing(graph.exported)), path)
        model = openvino.convert_model(path)
    signature = replace(graph.signature, precision=precision)
    if calibration is not None:
        model = _quantized(model, calibration)
    model.set_rt_info(signature.to_json(), [SIGNATURE])
    return model


def _quantized(model, calibration):
    nncf = require("nncf", "openvino")
    quiet_console(logging.getLogger("nncf"))
    images = [image.contiguous().numpy() for image in calibration]
    if not images:
        raise ValueError("calibration has no image: pass some dozens of typical images.")
    # Weights use half of int8's range: processors without VNNI add pairs of products in 16 bits, which may overflow.
    # Histograms keep rare extremes of an activation from taking most of the range. Measured in docs/performance.md.
    settings = nncf.AdvancedQuantizationParameters(
        overflow_fix=nncf.OverflowFix.ENABLE,
        activations_range_estimator_params=nncf.quantization.range_estimator.RangeEstimatorParametersSet.HISTOGRAM,
    )
    return nncf.quantize(
        model,
        nncf.Dataset(images),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(images),
        advanced_parameters=settings,
    )


def _reading_channels_last(model):
    """The same model with images (N, H, W, 3), the memory layout of a channels-last tensor."""
    from openvino import Layout
    from openvino.preprocess import PrePostProcessor

    processor = PrePostProcessor(model)
    processor.input().tensor().set_layout(Layout("NHWC"))
    processor.input().model().set_layout(Layout("NCHW"))
    return processor.build()
