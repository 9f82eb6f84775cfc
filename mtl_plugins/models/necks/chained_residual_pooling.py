import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtl_plugins.kernels import LANE, depthwise_crp, fits, is_plain, max_pool


class ChainedResidualPooling(nn.Module):
    """Chained residual pooling (Lin et al., RefineNet, 2017; 1x1 convolutions as in Light-Weight RefineNet, 2018).

    ReLU6, followed by stages of 5x5 max-pooling with stride 1 and a 1x1 convolution without bias. The output of each
    stage is the input of the next one and is added to the sum. Input and output are maps (N, C, H, W).

    Args:
        channels: Number of channels.
        stages: Number of stages.
        depthwise: Whether the convolutions are depthwise.
    """

    def __init__(self, channels: int, stages: int = 4, depthwise: bool = False):
        super().__init__()
        self.depthwise = depthwise
        groups = channels if depthwise else 1
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, 1, groups=groups, bias=False) for _ in range(stages))

    def forward(self, x: Tensor) -> Tensor:
        if self.depthwise and self.convs and all(map(is_plain, self.convs)) and fits(x, LANE):
            weights: list[Tensor] = [conv.get_parameter("weight") for conv in self.convs]
            return depthwise_crp(x, torch.cat(weights).view(len(weights), -1))
        x = top = F.relu6(x)
        for conv in self.convs:
            top = conv(max_pool(top))
            x = x + top
        return x
