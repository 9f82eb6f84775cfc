"""From the points of a laser scanner to a sparse depth map."""

import torch


def lidar_projection(rotation, translation, rectification, projection):
    """One matrix (3, 4) float64 from the scanner's points (x, y, z, 1) to (u·z, v·z, z) of a rectified camera.

    It is P · R_rect · [R | T], as KITTI's development kit has it (Geiger et al., IJRR 2013, eq. 3 … 8).

    Args:
        rotation, translation: (3, 3) and (3,) metres, from the scanner to the reference camera (R, T).
        rectification: (3, 3), of the reference camera (R_rect_00).
        projection: (3, 4), of the rectified camera (P_rect_02, …).
    """
    rotation, translation, rectification, projection = (
        torch.as_tensor(matrix, dtype=torch.float64) for matrix in (rotation, translation, rectification, projection)
    )
    rigid = torch.eye(4, dtype=torch.float64)
    rigid[:3] = rectification @ torch.cat((rotation, translation[:, None]), dim=1)
    return projection @ rigid


def points_to_depth(points, projection, size):
    """Sparse depth of an image, (1, H, W) float32 metres, 0 where no point falls; of several the nearest counts.

    A point falls into the pixel whose centre is nearest to it; centres lie at integers, as those of the intrinsics do.
    (The evaluation code of monodepth subtracts 1 from both coordinates, as if calibration counted from 1.)

    Args:
        points: (N, 3 or more) metres, x, y, z first.
        projection: (3, 4), as `lidar_projection` gives it.
        size: (H, W).
    """
    height, width = size
    xyz = points[:, :3].to(projection.dtype)
    u, v, z = (xyz @ projection[:, :3].T + projection[:, 3]).unbind(1)
    u, v = (u / z).round(), (v / z).round()
    seen = (z > 0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    pixel = (v[seen] * width + u[seen]).long()
    depth = torch.full((height * width,), torch.inf)
    depth.scatter_reduce_(0, pixel, z[seen].to(depth.dtype), "amin")
    return torch.where(depth.isinf(), 0.0, depth).view(1, height, width)
