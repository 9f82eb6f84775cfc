"""Necks: from the backbone's features to those of the heads."""

from .chained_residual_pooling import ChainedResidualPooling
from .deeplabv3plus import DeepLabV3Plus
from .light_weight_refinenet import LightWeightRefineNet
from .neck_output import NeckOutput

__all__ = ["ChainedResidualPooling", "DeepLabV3Plus", "LightWeightRefineNet", "NeckOutput"]
