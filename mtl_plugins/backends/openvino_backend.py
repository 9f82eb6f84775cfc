import logging
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from mtl_plugins.engine import quiet_console
from mtl_plugins.models import InferenceNetwork

from .antialiased import spell_out_antialiasing
from .backend import Signature
from .extras import require
from .graph_backend import GraphBackend, foreign_file
from .onnx_file import SIGNATURE, write_onnx


class OpenVinoBackend(GraphBackend):
    """OpenVINO; a file is ``.xml``, with the weights in a ``.bin`` beside it.

    Args:
        model: An ``openvino.Model`` with our signature.
        threads: ``None``: as many as OpenVINO takes.
        device: ``'CPU'``, ``'GPU'``, ``'AUTO'`` ..., see OpenVINO.

    Precision ``'int8'`` needs ``calibration``: images as the network takes them, each (N, 3, H, W), such as training
    images; the ranges that they lead to become the ranges of int8. On a processor without bf16 OpenVINO computes
    ``'bf16'`` in float32.
    """

    name = "openvino"
    precisions = ("float32", "bf16", "int8")
    suffix = ".xml"
    needs = dict(openvino="openvino", onnx="openvino", onnxscript="openvino")

    def __init__(self, model, threads: int | None = None, device: str = "CPU"):
        openvino = require("openvino", self.needs["openvino"])
        super().__init__(Signature.from_json(model.get_rt_info([SIGNATURE]).astype(str)))
        core = openvino.Core()
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": self._hint(core, device)}
        if threads is not None:
            config["INFERENCE_NUM_THREADS"] = threads
        self.request = core.compile_model(_reading_channels_last(model), device, config).create_infer_request()

    def _hint(self, core, device):
        """The precision of all that is not int8."""
        if self.precision == "int8":
            return "bf16" if "BF16" in core.get_property(device, "OPTIMIZATION_CAPABILITIES") else "f32"
        return {"float32": "f32", "bf16": "bf16"}[self.precision]

    @classmethod
    def capture(cls, network, size, precision="float32", batch=None, fixed_size=False):
        if precision == "int8":  # a quarter of float32's memory: the cache holds what `FinestStage` is for, as it is
            network = InferenceNetwork(network.model, network.tasks, network.whole, network.dataset, cheap=False)
        return super().capture(network, size, precision, batch, fixed_size)

    @classmethod
    def of_graph(cls, graph, precision="float32", calibration=None, **options):
        return cls(_convert(graph, precision, calibration), **options)

    @classmethod
    def write(cls, graph, path, precision="float32", calibration=None):
        cls.require_libraries()
        model = _convert(graph, precision, calibration)
        require("openvino", cls.needs["openvino"]).save_model(model, path, compress_to_fp16=False)

    @classmethod
    def load(cls, path, **options):
        model = require("openvino", cls.needs["openvino"]).Core().read_model(path)
        if not model.has_rt_info([SIGNATURE]):
            raise foreign_file(path)
        return cls(model, **options)

    def _compute(self, images):
        images = images.cpu().permute(0, 2, 3, 1).contiguous()  # no copy where they are channels-last
        outputs = self.request.infer([images.numpy()], share_inputs=True)
        return [torch.from_numpy(output) for output in outputs.values()]


def _convert(graph, precision, calibration):
    """An ``openvino.Model`` that carries its signature."""
    import openvino

    if (precision == "int8") != (calibration is not None):
        raise ValueError(
            "precision 'int8' needs calibration images, and no other precision does: give calibration=[images, ...] "
            "(export.py: --calibrate IMAGE...), some dozens of those that the network is for."
        )
    # By way of ONNX: of torch.export's own graphs OpenVINO does not know all operations on sizes, such as a ViT's.
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
        raise ValueError("there is no calibration image: give some dozens of those that the network is for.")
    # Weights keep to half of int8's range: without VNNI a processor adds pairs of products in 16 bits, which overflow.
    # Histograms: an activation's rare extremes would else take most of the range. Both measured: docs/performance.md.
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
    """The same model, whose images are (N, H, W, 3): what a channels-last tensor is in memory."""
    from openvino import Layout
    from openvino.preprocess import PrePostProcessor

    processor = PrePostProcessor(model)
    processor.input().tensor().set_layout(Layout("NHWC"))
    processor.input().model().set_layout(Layout("NCHW"))
    return processor.build()
