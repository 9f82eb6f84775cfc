"""`StridedDepthwiseConv2d` computes what `nn.Conv2d` computes, forward and backward, in every setting."""

import copy

import pytest
import torch
from torch import nn

from mtl_plugins.kernels import StridedDepthwiseConv2d, strided_depthwise_conv, without_kernels
from mtl_plugins.registry import MODELS


def layer(channels=8, side=3, stride=2):
    torch.manual_seed(0)
    return nn.Conv2d(channels, channels, side, stride, side // 2, groups=channels, bias=False)


def gradients(conv, x, dtype):
    x = x.detach().clone().requires_grad_()
    conv = copy.deepcopy(conv)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        y = conv(x)
    y.backward(torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype))
    return y.detach(), x.grad, conv.weight.grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("side, stride", [(3, 2), (5, 2), (3, (2, 1)), (3, 3)])
@pytest.mark.parametrize("size", [(12, 16), (13, 9), (1, 7)])
def test_output_and_gradients_are_those_of_conv2d(dtype, side, stride, size):
    plain = layer(side=side, stride=stride)
    fast = copy.deepcopy(plain)
    StridedDepthwiseConv2d.convert(fast)
    assert type(fast) is StridedDepthwiseConv2d
    x = torch.randn(2, 8, *size, generator=torch.Generator().manual_seed(2)).contiguous(
        memory_format=torch.channels_last
    )
    expected = gradients(plain, x, dtype)
    tolerance = 1e-2 if dtype == torch.bfloat16 else 0  # one rounding to bfloat16
    for given, wanted in zip(gradients(fast, x, dtype), expected, strict=True):
        assert given.dtype == wanted.dtype and given.stride() == wanted.stride()
        torch.testing.assert_close(given, wanted, rtol=tolerance, atol=tolerance)


def test_the_fast_backward_pass_runs_in_bfloat16_only(monkeypatch):
    strides = []
    original = strided_depthwise_conv._gradients
    monkeypatch.setattr(strided_depthwise_conv, "_gradients", lambda *args: strides.append(args[3]) or original(*args))
    conv = layer()
    StridedDepthwiseConv2d.convert(conv)
    x = torch.randn(1, 8, 6, 6).contiguous(memory_format=torch.channels_last)
    gradients(conv, x, torch.float32)
    with without_kernels():
        gradients(conv, x, torch.bfloat16)
    gradients(conv, x.contiguous(), torch.bfloat16)
    assert strides == []
    gradients(conv, x, torch.bfloat16)
    assert strides == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False),
        nn.Conv2d(8, 8, 3, 2, 1, groups=4, bias=False),
        nn.Conv2d(8, 8, 3, 2, 0, groups=8, bias=False),
        nn.Conv2d(8, 8, 4, 2, 2, groups=8, bias=False),
        nn.Conv2d(8, 8, 3, 2, 1, groups=8),
        nn.Conv2d(8, 16, 3, 2, 1, groups=8, bias=False),
    ],
)
def test_other_layers_stay(conv):
    StridedDepthwiseConv2d.convert(conv)
    assert type(conv) is nn.Conv2d


def test_the_encoder_of_hydranet_has_four():
    encoder = MODELS.build(dict(type="TimmBackbone", model_name="mobilenetv2_hydranet"))
    assert sum(type(module) is StridedDepthwiseConv2d for module in encoder.modules()) == 4
