from .deeplabv3plus import DeepLabV3Plus
from .light_weight_refinenet import LightWeightRefineNet

__all__ = ["DeepLabV3Plus", "LightWeightRefineNet"]
