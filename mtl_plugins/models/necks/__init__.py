"""Necks: from the backbone's features to those of the heads."""

from .aspp import ASPP
from .chained_residual_pooling import ChainedResidualPooling
from .concat_features import ConcatFeatures
from .deeplabv3plus import DeepLabV3Plus
from .light_weight_refinenet import LightWeightRefineNet
from .neck_output import NeckOutput

__all__ = [
    "ASPP",
    "ChainedResidualPooling",
    "ConcatFeatures",
    "DeepLabV3Plus",
    "LightWeightRefineNet",
    "NeckOutput",
]
