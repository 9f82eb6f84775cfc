"""Networks: backbones, necks, heads, losses, the preprocessor and the one model that joins them."""

from . import backbones, foreign, heads, losses, necks
from .data_preprocessor import MultiTaskDataPreprocessor
from .feature_hint import FeatureHint
from .inference_network import InferenceNetwork
from .multi_task_model import MultiTaskModel
from .tta_model import MultiTaskTTAModel

__all__ = [
    "FeatureHint",
    "InferenceNetwork",
    "MultiTaskDataPreprocessor",
    "MultiTaskModel",
    "MultiTaskTTAModel",
    "backbones",
    "foreign",
    "heads",
    "losses",
    "necks",
]
