"""A network with a small backbone, for tests of heads."""

import torch

from mtl_plugins.registry import MODELS


def small_model(heads, **config):
    """A network in evaluation mode with the given heads, and with the same weights in each call.

    Args:
        heads: Config of each head by task.
        **config: Other entries of the model's config, such as `neck=None`.
    """
    torch.manual_seed(0)
    defaults = dict(
        type="MultiTaskModel",
        backbone=dict(type="TimmBackbone", model_name="test_resnet"),
        neck=dict(type="LightWeightRefineNet", channels=8, crp_stages=1),
    )
    return MODELS.build({**defaults, "heads": heads, **config}).eval()
