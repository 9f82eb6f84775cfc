"""ResNet38: the contract of backbones, and its blocks compared with their formula. Weights: test_wrn38_parity.py."""

import copy

import pytest
import torch
import torch.nn.functional as F

from mtl_plugins.models.backbones.resnet38 import PreActivationBlock
from mtl_plugins.registry import MODELS

from ..contracts.backbone_contract import BackboneContract


def build(width=2, **options):
    torch.manual_seed(0)
    return MODELS.build(dict(type="ResNet38", width=width, **options)).eval()


@pytest.fixture(scope="module")
def backbone():
    return build(out_stages=range(6))


def image(*size, n=1):
    return torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(1))


def test_stages_equal_the_published_ones():
    with torch.device("meta"):
        backbone = MODELS.build(dict(type="ResNet38", out_stages=range(6)))
        assert MODELS.build(dict(type="ResNet38")).out_channels == (128, 4096)
    assert backbone.out_channels == (128, 256, 512, 1024, 2048, 4096)
    assert backbone.out_strides == (2, 4, 8, 8, 8, 8)
    # the stem and the convolutions of the blocks without shortcuts; with the classifier, these are the 38 layers
    convs = [name for name, module in backbone.named_modules() if isinstance(module, torch.nn.Conv2d)]
    assert len([name for name in convs if "shortcut" not in name]) == 37


class TestResNet38(BackboneContract):
    config = dict(type="ResNet38", width=2, out_stages=range(6))


@torch.no_grad()
@pytest.mark.parametrize("size", [(370, 1226), (1, 9)])
def test_strides_hold_for_odd_sizes_and_a_single_row(backbone, size):
    for feature, stride in zip(backbone(image(*size)), backbone.out_strides, strict=True):
        assert feature.shape[2:] == tuple(-(-pixels // stride) for pixels in size)


@torch.no_grad()
def test_features_do_not_depend_on_the_memory_format(backbone):
    inputs = image(45, 71)
    other = copy.deepcopy(backbone).to(memory_format=torch.channels_last)
    for a, b in zip(backbone(inputs), other(inputs.to(memory_format=torch.channels_last)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("out_stages", [(0, 5), (1, 2)])
def test_gradients_reach_every_parameter(out_stages):
    backbone = build(out_stages=out_stages).train()
    sum(feature.square().mean() for feature in backbone(image(32, 48, n=2))).backward()
    assert [name for name, p in backbone.named_parameters() if p.grad is None or not p.grad.any()] == []


@torch.no_grad()
def test_out_stages_select_features(backbone):
    chosen = build(out_stages=(1, 3))
    chosen.load_state_dict(backbone.state_dict(), strict=False)
    every = backbone(image(32, 48))
    for feature, expected in zip(chosen(image(32, 48)), (every[1], every[3]), strict=True):
        assert torch.equal(feature, expected)


@pytest.mark.parametrize("out_stages", [(), (6,), (-1,), (3, 1), (2, 2)])
def test_invalid_stages_raise(out_stages):
    with pytest.raises(ValueError, match=r"out_stages=.* stages from 0 \.\.\. 5 in ascending order"):
        build(out_stages=out_stages)


@torch.no_grad()
def test_the_last_two_stages_use_dropout_in_training_only(backbone):
    training = copy.deepcopy(backbone).train()
    for module in training.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    once, again, still = training(image(32, 48)), training(image(32, 48)), backbone(image(32, 48))
    assert [torch.equal(a, b) for a, b in zip(once, again, strict=True)] == [True] * 4 + [False] * 2
    assert all(torch.equal(a, b) for a, b in zip(once[:4], still[:4], strict=True))


# the block


def normalised(x, norm):
    shape = (1, -1, 1, 1)
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return (x - norm.running_mean.view(shape)) * scale.view(shape) + norm.bias.view(shape)


@torch.no_grad()
@pytest.mark.parametrize(
    "in_channels, channels, stride, dilation",
    [(6, (4, 6), 1, 2), (3, (4, 6), 2, 1), (6, (4, 6), 2, 1), (5, (2, 4, 6), 1, 4), (6, (2, 4, 6), 1, 1)],
)
def test_block_equals_its_formula(in_channels, channels, stride, dilation):
    torch.manual_seed(0)
    block = PreActivationBlock(in_channels, channels, stride, dilation, dropout=0.5).eval()
    for norm in block.norms:
        for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            values.uniform_(0.5, 1.5)
    x = torch.randn(2, in_channels, 9, 12)
    before = x.clone()
    active = normalised(x, block.norms[0]).clamp(min=0)
    changes = stride == 2 or in_channels != channels[-1]
    total = F.conv2d(active, block.shortcut.weight, stride=stride) if changes else x
    for i, conv in enumerate(block.convs):
        if i > 0:
            active = normalised(active, block.norms[i]).clamp(min=0)
        step = stride if i == 0 else 1
        if len(channels) == 3 and i != 1:
            active = F.conv2d(active, conv.weight, stride=step)
        else:
            padded = F.pad(active, [dilation] * 4)
            active = F.conv2d(padded, conv.weight, stride=step, dilation=dilation)
    torch.testing.assert_close(block(x), total + active, rtol=1e-4, atol=1e-5)
    assert torch.equal(x, before), "the block writes into its input"
