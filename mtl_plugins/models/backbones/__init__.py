from .hydranet_encoder import mobilenetv2_hydranet
from .timm_backbone import TimmBackbone

__all__ = ["TimmBackbone", "mobilenetv2_hydranet"]
