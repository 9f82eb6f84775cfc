import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtl_plugins.kernels import LANE, depthwise_crp, fits, is_plain, max_pool


class ChainedResidualPooling(nn.Module):
    """Chained residual pooling (Lin et al., RefineNet, 2017; 1x1 convolutions as in Light-Weight RefineNet, 2018).

    ReLU6; then, ``stages`` times: 5x5 max-pooling of stride 1, and a 1x1 convolution without bias; each result is added
    to the running sum, and the next stage works on it. (N, C, H, W) in and out.
    """

    def __init__(self, channels: int, stages: int = 4, depthwise: bool = False):
        super().__init__()
        self.depthwise = depthwise
        groups = channels if depthwise else 1
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, 1, groups=groups, bias=False) for _ in range(stages))

    def forward(self, x: Tensor) -> Tensor:
        if self.depthwise and self.convs and all(map(is_plain, self.convs)) and fits(x, LANE):
            return depthwise_crp(x, torch.cat([conv.weight for conv in self.convs]).view(len(self.convs), -1))
        x = top = F.relu6(x)
        for conv in self.convs:
            top = conv(max_pool(top))
            x = x + top
        return x
