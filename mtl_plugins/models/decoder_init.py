import math

from torch import nn


def init_decoder_conv(conv: nn.Conv2d) -> None:
    """Initialise a decoder convolution: normal with std sqrt(0.5 / fan-in); depthwise 1x1: mean 0.5, std 0.1; bias 0.

    The decoder has no normalisation and its sums grow. With Kaiming initialisation the ReLU6 saturate, and a network
    without pretrained weights does not learn.
    """
    kernel_area = conv.weight[0, 0].numel()
    if conv.groups == conv.in_channels and kernel_area == 1:
        nn.init.normal_(conv.weight, 0.5, 0.1)
    else:
        nn.init.normal_(conv.weight, 0.0, math.sqrt(0.5 / (conv.weight.shape[1] * kernel_area)))
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
