"""Backbones: from images to features, finest first, with the channels, strides, mean and std of each."""

from .hydranet_encoder import mobilenetv2_hydranet
from .resnet38 import ResNet38
from .timm_backbone import TimmBackbone

__all__ = ["ResNet38", "TimmBackbone", "mobilenetv2_hydranet"]
