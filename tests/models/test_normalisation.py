"""Images are normalised with the backbone's mean and std, unless the config sets others."""

import pytest
import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import nn

from mtl_plugins.models import InferenceNetwork
from mtl_plugins.registry import MODELS

HALF = (0.5, 0.5, 0.5)


def build(backbone, **config):
    backbone = backbone if isinstance(backbone, dict) else dict(type="TimmBackbone", model_name=backbone)
    return MODELS.build(
        dict(type="MultiTaskModel", backbone=backbone, heads=dict(depth=dict(type="DepthHead")), **config)
    )


def mean_and_std(model):
    return model.data_preprocessor.mean_rgb, model.data_preprocessor.std_rgb


@pytest.mark.parametrize(
    "name, expected",
    [
        ("test_vit", (HALF, HALF)),
        ("tf_efficientnet_lite0", (HALF, HALF)),
        ("mobilenetv2_hydranet", (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)),
        ("resnet18", (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)),
    ],
)
def test_timm_backbones_set_mean_and_std(name, expected):
    timm_cfg = timm.get_pretrained_cfg(name)
    assert (tuple(timm_cfg.mean), tuple(timm_cfg.std)) == expected  # a precondition of this test
    model = build(name)
    assert (model.backbone.mean, model.backbone.std) == expected == mean_and_std(model)
    network = InferenceNetwork(model, end_to_end=True)
    assert mean_and_std(network.model) == expected


def test_pixels_are_normalised_with_the_mean_and_std_of_the_backbone():
    white = torch.full((1, 3, 4, 4), 255, dtype=torch.uint8)
    torch.testing.assert_close(build("test_vit").data_preprocessor.normalise(white), torch.ones(1, 3, 4, 4))


def test_the_config_takes_precedence():
    mean = (0.1, 0.2, 0.3)
    assert mean_and_std(build("test_vit", data_preprocessor=dict(mean=mean))) == (mean, HALF)
    preprocessor = dict(type="MultiTaskDataPreprocessor", mean=mean, std=mean)
    assert mean_and_std(build("test_vit", data_preprocessor=preprocessor)) == (mean, mean)


class CustomBackbone(nn.Module):
    out_channels, out_strides = (4,), (2,)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)

    def forward(self, x):
        return [self.conv(x)]


def test_a_backbone_without_mean_and_std_gets_imagenets():
    assert mean_and_std(build(dict(type=CustomBackbone))) == (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)


class Backbone255(CustomBackbone):
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def test_the_mean_of_a_backbone_is_checked():
    with pytest.raises(ValueError, match=r"Backbone255\.mean=.* divide them by 255"):
        build(dict(type=Backbone255))
    assert mean_and_std(build(dict(type=Backbone255), data_preprocessor=dict(mean=HALF, std=HALF))) == (HALF, HALF)
