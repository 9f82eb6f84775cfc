"""Backends compute a trained network: PyTorch, `torch.compile`, and exported files. All have one interface."""

from .backend import Backend
from .build import BACKENDS, FORMATS, available_backends, build_backend, load_backend
from .build_options import BuildOptions
from .check_exported import check_exported, check_same_network
from .compare import compare, difference
from .compute_with import compute_with
from .graph import NotExpressibleError
from .graph_backend import GraphBackend
from .pt2_program import OPERATOR_NAMESPACES
from .signature import Signature

__all__ = [
    "BACKENDS",
    "FORMATS",
    "OPERATOR_NAMESPACES",
    "Backend",
    "BuildOptions",
    "GraphBackend",
    "NotExpressibleError",
    "Signature",
    "available_backends",
    "build_backend",
    "check_exported",
    "check_same_network",
    "compare",
    "compute_with",
    "difference",
    "load_backend",
]
