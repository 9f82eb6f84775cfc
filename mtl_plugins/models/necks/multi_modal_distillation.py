from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class MultiModalDistillation(nn.Module):
    """Each task receives gated features of the others (Xu et al., PAD-Net, CVPR 2018, section 3.4, module C).

    `out_t = x_t + sum over other tasks s of (W_ts * x_s) x sigmoid(G_ts * x_s)` with 3x3 convolutions W and G without
    bias. The convolutions that read the same task are stored and computed as one: first all W, then all G.

    Args:
        channels: Channels of the features of every task.
        targets: Tasks that receive features.
        sources: Tasks whose features are passed on.
    """

    def __init__(self, channels: int, targets: Sequence[str], sources: Sequence[str]):
        super().__init__()
        self.channels = channels
        self.targets = {s: tuple(t for t in targets if t != s) for s in sources if set(targets) - {s}}
        self.convs: Any = nn.ModuleDict(
            {
                source: nn.Conv2d(channels, 2 * channels * len(others), 3, padding=1, bias=False)
                for source, others in self.targets.items()
            }
        )

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The distilled features (N, C, H, W) by task, of features of the same size. Other tasks stay unchanged."""
        distilled = dict(features)
        for source, others in self.targets.items():
            values, gates = self.convs[source](features[source]).chunk(2, dim=1)
            values, gates = values.chunk(len(others), dim=1), gates.sigmoid().chunk(len(others), dim=1)
            for target, value, gate in zip(others, values, gates, strict=True):
                distilled[target] = torch.addcmul(distilled[target], value, gate)
        return distilled

    @torch.no_grad()
    def prune(self, tasks: Sequence[str]) -> None:
        """Keep only what `tasks` receive."""
        for source, others in list(self.targets.items()):
            kept = [i for i, target in enumerate(others) if target in tasks]
            if not kept:
                del self.targets[source], self.convs[source]
                continue
            self.targets[source] = tuple(others[i] for i in kept)
            old = self.convs[source].weight
            weight = old.unflatten(0, (2, len(others), self.channels))[:, kept].flatten(0, 2).clone()
            conv = nn.Conv2d(self.channels, len(weight), 3, padding=1, bias=False, device=old.device, dtype=old.dtype)
            conv.weight = nn.Parameter(weight, requires_grad=old.requires_grad)
            self.convs[source] = conv
