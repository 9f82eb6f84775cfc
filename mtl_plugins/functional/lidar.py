"""Sparse depth maps from the points of a laser scanner."""

from collections.abc import Sequence

import torch
from torch import Tensor

_Matrix = Tensor | Sequence


def lidar_projection(rotation: _Matrix, translation: _Matrix, rectification: _Matrix, projection: _Matrix) -> Tensor:
    """The matrix that projects the scanner's points into a rectified camera: P · R_rect · [R | T].

    As in KITTI's development kit (Geiger et al., IJRR 2013, equations 3 to 8).

    Args:
        rotation: R, (3, 3), from the scanner to the reference camera.
        translation: T, (3,), in metres, from the scanner to the reference camera.
        rectification: R_rect_00, (3, 3), of the reference camera.
        projection: P_rect_02 or another, (3, 4), of the rectified camera.

    Returns:
        float64, (3, 4): maps (x, y, z, 1) to (u·z, v·z, z), where u and v are pixels and z is the depth in metres.
    """
    rotation, translation, rectification, projection = (
        torch.as_tensor(matrix, dtype=torch.float64) for matrix in (rotation, translation, rectification, projection)
    )
    rigid = torch.eye(4, dtype=torch.float64)
    rigid[:3] = rectification @ torch.cat((rotation, translation[:, None]), dim=1)
    return projection @ rigid


def points_to_depth(points: Tensor, projection: Tensor, size: tuple[int, int]) -> Tensor:
    """The sparse depth map of a point cloud; of several points in a pixel, the nearest to the camera counts.

    A point belongs to the pixel whose centre is nearest; centres lie at integer coordinates, like those of the
    intrinsics. (The evaluation code of monodepth subtracts 1 from both coordinates, as if pixels were counted from 1.)

    Args:
        points: (N, 3 or more), x, y, z in metres and further columns, which are ignored.
        projection: (3, 4), see `lidar_projection`.
        size: Height and width of the depth map.

    Returns:
        float32, (1, H, W), metres; 0 (invalid) in pixels without a point.
    """
    height, width = size
    xyz = points[:, :3].to(projection.dtype)
    u, v, z = (xyz @ projection[:, :3].T + projection[:, 3]).unbind(1)
    u, v = (u / z).round(), (v / z).round()
    visible = (z > 0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    pixel = (v[visible] * width + u[visible]).long()
    depth = torch.full((height * width,), torch.inf)
    depth.scatter_reduce_(0, pixel, z[visible].to(depth.dtype), "amin")
    return torch.where(depth.isinf(), 0.0, depth).view(1, height, width)
