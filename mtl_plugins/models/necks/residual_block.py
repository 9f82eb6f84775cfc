from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """A residual block of ResNet (He et al., CVPR 2016), for any number of channels, with stride 1.

    `relu(body(x) + skip(x))`. The skip is the identity, or a 1x1 convolution with batch norm if the number of channels
    changes. Convolutions have no bias.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        bottleneck: Whether the body is 1x1, 3x3, 1x1 with a quarter of the channels inside, instead of two 3x3
            convolutions.
    """

    def __init__(self, in_channels: int, out_channels: int, bottleneck: bool = False):
        super().__init__()
        if bottleneck:
            width = max(1, out_channels // 4)
            layers = [
                *_conv_norm(in_channels, width, 1),
                nn.ReLU(inplace=True),
                *_conv_norm(width, width, 3),
                nn.ReLU(inplace=True),
                *_conv_norm(width, out_channels, 1),
            ]
        else:
            layers = [
                *_conv_norm(in_channels, out_channels, 3),
                nn.ReLU(inplace=True),
                *_conv_norm(out_channels, out_channels, 3),
            ]
        self.body = nn.Sequential(*layers)
        same = in_channels == out_channels
        self.skip = nn.Identity() if same else nn.Sequential(*_conv_norm(in_channels, out_channels, 1))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, out_channels, H, W)."""
        return self.relu(self.body(x) + self.skip(x))


def residual_blocks(in_channels: int, out_channels: int, count: int, bottleneck: bool = False) -> nn.Sequential:
    """`count` residual blocks; the first one changes the number of channels."""
    widths = [in_channels, *[out_channels] * count]
    return nn.Sequential(*(ResidualBlock(widths[i], out_channels, bottleneck) for i in range(count)))


def _conv_norm(in_channels, out_channels, size):
    conv = nn.Conv2d(in_channels, out_channels, size, padding=size // 2, bias=False)
    return conv, nn.BatchNorm2d(out_channels)
