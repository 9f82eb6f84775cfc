"""Antialiased bicubic resizing with basic operations; OpenVINO's own resizing ignores the antialiasing."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.export import ExportedProgram

_A = -0.5  # parameter of the cubic kernel, as in PIL and in PyTorch's antialiased resizing


def spell_out_antialiasing(exported: ExportedProgram) -> ExportedProgram:
    """Replace PyTorch's antialiased resizing (e.g. of a ViT's position embedding) by `resize_antialiased`."""
    operator = torch.ops.aten._upsample_bicubic2d_aa.vec
    if all(node.target != operator for node in exported.graph.nodes):
        return exported
    return exported.run_decompositions({operator: resize_antialiased})


def resize_antialiased(
    x: Tensor, size: Sequence[int], align_corners: bool = False, scale_factors: Sequence[float] | None = None
) -> Tensor:
    """`F.interpolate(x, size, mode='bicubic', antialias=True)` as two matrix products.

    Args:
        x: Map (N, C, H, W).
        size: (H', W') of the result.
        align_corners: Not supported; part of the operator's signature.
        scale_factors: Ignored; part of the operator's signature.
    """
    if size is None or align_corners:
        raise ValueError("antialiased resizing can only be exported with a size and without align_corners.")
    rows, columns = (_shares(before, after).to(x) for before, after in zip(x.shape[-2:], size, strict=True))
    return rows @ x @ columns.T


def _shares(before: int, after: int) -> Tensor:
    """Weights (after, before) of the source positions for each target position."""
    ratio = before / torch.scalar_tensor(after, dtype=torch.float32)
    centres = (torch.arange(after, dtype=torch.float32) + 0.5) * ratio
    distances = (torch.arange(before, dtype=torch.float32) + 0.5 - centres[:, None]) / ratio.clamp(min=1)
    shares = _cubic(distances.abs())
    return shares / shares.sum(dim=1, keepdim=True)


def _cubic(d):
    """Keys' cubic kernel (IEEE TASSP 29(6), 1981) at distances >= 0."""
    near = ((_A + 2) * d - (_A + 3)) * d * d + 1
    far = ((_A * d - 5 * _A) * d + 8 * _A) * d - 4 * _A
    return torch.where(d < 1, near, torch.where(d < 2, far, 0.0))
