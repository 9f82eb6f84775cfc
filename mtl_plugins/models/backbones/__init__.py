"""Backbones: from images to features, finest first, with the channels, strides, mean and std of each."""

from .cross_stitch_backbone import CrossStitchBackbone
from .hydranet_encoder import mobilenetv2_hydranet
from .nddr_backbone import NDDRBackbone
from .parallel_backbones import ParallelBackbones
from .resnet38 import ResNet38
from .timm_backbone import TimmBackbone

__all__ = [
    "CrossStitchBackbone",
    "NDDRBackbone",
    "ParallelBackbones",
    "ResNet38",
    "TimmBackbone",
    "mobilenetv2_hydranet",
]
