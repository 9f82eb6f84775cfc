"""Conversion of the ImageNet weights from which HydraNet's authors trained: the networks compute the same."""

import pytest
import timm
import torch
from torch import nn

from mtl_plugins.engine.converters import convert_tonylins_mobilenetv2
from mtl_plugins.registry import MODELS

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def conv_bn(inputs, outputs, size, stride=1, groups=1, activation=True):
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs), *([nn.ReLU6()] if activation else [])]


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion, first):
        super().__init__()
        self.shortcut = stride == 1 and inputs == outputs
        width = inputs * expansion
        expand = conv_bn(inputs, width, 1) if first else []
        self.conv = nn.Sequential(
            *expand, *conv_bn(width, width, 3, stride, groups=width), *conv_bn(width, outputs, 1, activation=False)
        )

    def forward(self, x):
        return self.conv(x) + x if self.shortcut else self.conv(x)


class Published(nn.Module):
    """MobileNet-v2 with the names of the published files."""

    def __init__(self, first_release):
        super().__init__()
        blocks, channels = [nn.Sequential(*conv_bn(3, 32, 3, 2))], 32
        for expansion, outputs, repeats, stride in STAGES:
            for i in range(repeats):
                expand = expansion > 1 or first_release
                blocks.append(Block(channels, outputs, stride if i == 0 else 1, expansion, expand))
                channels = outputs
        self.features = nn.Sequential(*blocks, nn.Sequential(*conv_bn(320, 1280, 1)))
        linear = nn.Linear(1280, 1000)
        self.classifier = nn.Sequential(nn.Dropout(), linear) if first_release else linear

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def published(first_release):
    torch.manual_seed(0)
    network = Published(first_release).double().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network


@pytest.mark.parametrize("first_release, name", [(True, "mobilenetv2_hydranet"), (False, "mobilenetv2_100")])
@torch.no_grad()
def test_the_converted_network_computes_the_same(first_release, name):
    network = published(first_release)
    state = {f"module.{key}": value for key, value in network.state_dict().items()}
    if first_release:  # saved with PyTorch 0.3
        state = {key: value for key, value in state.items() if "num_batches_tracked" not in key}
    converted = timm.create_model(name).double().eval()
    converted.load_state_dict(convert_tonylins_mobilenetv2(state))
    x = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    expected = network(x)
    torch.testing.assert_close(converted(x), expected, rtol=0, atol=1e-12 * float(expected.abs().max()))


@pytest.mark.parametrize("first_release", [True, False])
def test_the_encoder_takes_the_converted_file(first_release, tmp_path):
    state = convert_tonylins_mobilenetv2(published(first_release).float().state_dict())
    torch.save(dict(state_dict=state), tmp_path / "imagenet.pth")
    encoder = dict(type="TimmBackbone", model_name="mobilenetv2_hydranet", pretrained=str(tmp_path / "imagenet.pth"))
    weights = MODELS.build(encoder).state_dict()
    torch.testing.assert_close(weights["body.conv_stem.weight"], state["conv_stem.weight"])


def test_another_network_raises():
    state = timm.create_model("test_efficientnet").state_dict()
    with pytest.raises(ValueError, match="not a checkpoint of the format 'tonylins-mobilenetv2': .* keys are unknown"):
        convert_tonylins_mobilenetv2(state)
