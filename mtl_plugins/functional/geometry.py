"""Pinhole geometry: points of a depth map, and normals of its surface.

Camera frame: x right, y down, z forward, in metres. Pixel centres lie at integer coordinates.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def unpack_intrinsics(intrinsics: Tensor | Sequence[float]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """fx, fy, cx and cy in pixels, each (…, 1, 1).

    Args:
        intrinsics: fx, fy, cx, cy, (…, 4), or camera matrices, (…, 3, 3).

    Raises:
        ValueError: The shape is another.
    """
    intrinsics = torch.as_tensor(intrinsics)
    if intrinsics.shape[-2:] == (3, 3):
        intrinsics = intrinsics[..., [0, 1, 0, 1], [0, 1, 2, 2]]
    if intrinsics.shape[-1:] != (4,):
        raise ValueError(
            f"intrinsics must be fx, fy, cx, cy of shape (..., 4), or matrices (..., 3, 3), got the shape "
            f"{tuple(intrinsics.shape)}"
        )
    fx, fy, cx, cy = intrinsics[..., None, None].unbind(-3)
    return fx, fy, cx, cy


def depth_to_points(depth: Tensor, intrinsics: Tensor | Sequence[float]) -> Tensor:
    """The points of a depth map in the camera frame (x right, y down, z forward).

    Args:
        depth: Metres along the optical axis, (…, 1, H, W); 0 means no reading.
        intrinsics: fx, fy, cx, cy, (…, 4), or camera matrices, (…, 3, 3); in pixels, with centres at integer
            coordinates.

    Returns:
        Metres, (…, 3, H, W); (0, 0, 0) where there is no reading.

    Examples:
        >>> depth_to_points(torch.full((1, 1, 2), 4.0), (2.0, 2.0, 0.0, 0.0))[:, 0, 1].tolist()
        [2.0, 0.0, 4.0]
    """
    fx, fy, cx, cy = (value.to(depth) for value in unpack_intrinsics(intrinsics))
    z = depth[..., 0, :, :]
    v = torch.arange(z.shape[-2], dtype=z.dtype, device=z.device)[:, None]
    u = torch.arange(z.shape[-1], dtype=z.dtype, device=z.device)
    return torch.stack(((u - cx) / fx * z, (v - cy) / fy * z, z), dim=-3)


def points_to_normals(points: Tensor) -> Tensor:
    """Unit normals of a surface, from the differences between the neighbours of each pixel.

    This is exact for planes without noise; for noisy depth use `depth_to_normals`.

    Args:
        points: (…, 3, H, W) from `depth_to_points`; z = 0 marks a missing point.

    Returns:
        (…, 3, H, W), facing the camera; (0, 0, 0) where the pixel or one of its four neighbours is missing.
    """
    shape = points.shape
    padded = F.pad(points.reshape(-1, *shape[-3:]), (1, 1, 1, 1), mode="replicate")  # one-sided at the border
    left, right = padded[..., 1:-1, :-2], padded[..., 1:-1, 2:]
    above, below = padded[..., :-2, 1:-1], padded[..., 2:, 1:-1]
    # down × right, in this order: the result faces the camera on every visible surface
    normals = F.normalize(torch.cross(below - above, right - left, dim=-3), dim=-3, eps=1e-20)
    seen = [(part[..., 2:, :, :] > 0) for part in (left, right, above, below, padded[..., 1:-1, 1:-1])]
    return (normals * torch.stack(seen).all(0)).reshape(shape)
