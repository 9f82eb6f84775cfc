"""Third-party networks as teachers: segmentation-models-pytorch, torchvision, ONNX files."""

from .foreign_model import ForeignModel
from .onnx_model import OnnxModel
from .onnx_session import append_digest, open_onnx
from .smp_model import SMPModel
from .torchvision_model import TorchvisionModel

__all__ = ["ForeignModel", "OnnxModel", "SMPModel", "TorchvisionModel", "append_digest", "open_onnx"]
