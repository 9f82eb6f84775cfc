"""Necks: from the backbone's features to those of the heads."""

from .aspp import ASPP
from .chained_residual_pooling import ChainedResidualPooling
from .concat_features import ConcatFeatures
from .cross_task_attention import CrossTaskAttention
from .deeplabv3plus import DeepLabV3Plus
from .dpt import DPT
from .light_weight_refinenet import LightWeightRefineNet
from .mtan import MTAN
from .mti_net import MTINet
from .neck_output import NeckOutput
from .pad_net import PADNet
from .simple_feature_pyramid import SimpleFeaturePyramid
from .smp_decoder import SMPDecoder

__all__ = [
    "ASPP",
    "DPT",
    "ChainedResidualPooling",
    "ConcatFeatures",
    "CrossTaskAttention",
    "DeepLabV3Plus",
    "LightWeightRefineNet",
    "MTAN",
    "MTINet",
    "NeckOutput",
    "SMPDecoder",
    "SimpleFeaturePyramid",
    "PADNet",
]
