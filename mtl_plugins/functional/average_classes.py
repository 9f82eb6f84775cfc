"""Class probabilities of several networks whose label spaces differ."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mtl_plugins.label_spaces import VOID

from .label_rounding import merge_classes


def average_classes(probabilities: Sequence[Tensor], luts: Sequence[Tensor | None]) -> Tensor:
    """Average class probabilities of several networks in one target label space.

    A class is averaged over the networks that have a counterpart of it. For example, a network that does not
    distinguish buildings and trees has no say in either, but it does for sky. Pixels that belong to no target class are
    decided by the networks that have counterparts of the most target classes: the others also call unknown what the
    target distinguishes. So the probabilities of a pixel do not sum to 1 in general.

    Args:
        probabilities: (N, K_i, H, W) of each network.
        luts: The target id of each of the network's classes, uint8; 255 for classes without a counterpart. None: the
            network predicts the target classes.

    Returns:
        (N, M, H, W) for M target classes. All are 0 where a pixel most probably belongs to none of them.
    """
    merged, known = [], []
    for scores, lut in zip(probabilities, luts, strict=True):
        table = torch.arange(scores.shape[1], dtype=torch.uint8, device=scores.device) if lut is None else lut
        table = table[: scores.shape[1]]
        merged.append(merge_classes(scores, table))
        known.append(set(table[table != VOID].tolist()))
    classes = 1 + max(max(ids, default=-1) for ids in known)
    mean = merged[0].new_zeros(len(merged[0]), classes, *merged[0].shape[2:])
    for target in range(classes):
        voters = [scores[:, target] for scores, ids in zip(merged, known, strict=True) if target in ids]
        if voters:
            mean[:, target] = torch.stack(voters).mean(0)
    most = max(map(len, known))
    void = torch.stack([scores[:, -1] for scores, ids in zip(merged, known, strict=True) if len(ids) == most]).mean(0)
    return mean.masked_fill_((void > mean.amax(1))[:, None], 0)
