"""Networks: backbones, necks, heads, losses, the preprocessor and the one model that joins them."""

from . import backbones, heads, losses, necks
from .data_preprocessor import MultiTaskDataPreprocessor
from .multi_task_model import MultiTaskModel

__all__ = ["MultiTaskDataPreprocessor", "MultiTaskModel", "backbones", "heads", "losses", "necks"]
