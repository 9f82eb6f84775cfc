"""Ways to compute a trained network: one interface, from eager PyTorch to an exported file."""

from .answer_with import answer_with
from .backend import Backend, Signature
from .build import BACKENDS, FORMATS, available_backends, build_backend, load_backend
from .network_digest import check_same_network

__all__ = [
    "BACKENDS",
    "FORMATS",
    "Backend",
    "Signature",
    "answer_with",
    "available_backends",
    "build_backend",
    "check_same_network",
    "load_backend",
]
