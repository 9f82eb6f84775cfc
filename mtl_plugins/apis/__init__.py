"""What a user's script calls."""

from .build import build_runner
from .config import load_config
from .inferencer import MultiTaskInferencer
from .init_model import init_model

__all__ = ["MultiTaskInferencer", "build_runner", "init_model", "load_config"]
