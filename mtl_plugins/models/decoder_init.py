import math

from torch import nn


def init_decoder_conv(conv: nn.Conv2d) -> None:
    """Start values of a decoder convolution: normal with std sqrt(0.5 / fan-in); depthwise 1x1: 0.5 +- 0.1.

    The decoder has no normalisation and its sums grow: with plain Kaiming values the ReLU6 saturate and the network
    learns nothing from scratch. Bias 0.
    """
    kernel_area = conv.weight[0, 0].numel()
    if conv.groups == conv.in_channels and kernel_area == 1:
        nn.init.normal_(conv.weight, 0.5, 0.1)
    else:
        nn.init.normal_(conv.weight, 0.0, math.sqrt(0.5 / (conv.weight.shape[1] * kernel_area)))
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
