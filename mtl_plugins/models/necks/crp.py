import torch.nn.functional as F
from torch import Tensor, nn


class ChainedResidualPooling(nn.Module):
    """Chained residual pooling (Lin et al., RefineNet, 2017; 1x1 convolutions as in Light-Weight RefineNet, 2018).

    ``stages`` times: 5x5 max-pooling of stride 1, then a 1x1 convolution without bias; each result is added to the
    running sum, and the next stage works on it. (N, C, H, W) in and out.
    """

    def __init__(self, channels: int, stages: int = 4, depthwise: bool = False):
        super().__init__()
        self.depthwise = depthwise
        groups = channels if depthwise else 1
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, 1, groups=groups, bias=False) for _ in range(stages))

    def forward(self, x: Tensor) -> Tensor:
        top = x
        for conv in self.convs:
            top = conv(F.max_pool2d(top, kernel_size=5, stride=1, padding=2))
            x = x + top
        return x
