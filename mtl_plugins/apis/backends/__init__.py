"""Ways to compute a trained network: one interface, from eager PyTorch to an exported file."""

from .backend import Backend, Signature
from .build import BACKENDS, FORMATS, available_backends, build_backend, load_backend

__all__ = ["BACKENDS", "FORMATS", "Backend", "Signature", "available_backends", "build_backend", "load_backend"]
