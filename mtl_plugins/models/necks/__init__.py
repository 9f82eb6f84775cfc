from .light_weight_refinenet import LightWeightRefineNet

__all__ = ["LightWeightRefineNet"]
