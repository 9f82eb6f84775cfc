import torch
import torch.nn.functional as F


def focal_and_centre(intrinsics):
    """fx, fy, cx, cy, each (..., 1, 1), of intrinsics (..., 4) or (..., 3, 3)."""
    intrinsics = torch.as_tensor(intrinsics)
    if intrinsics.shape[-2:] == (3, 3):
        intrinsics = intrinsics[..., [0, 1, 0, 1], [0, 1, 2, 2]]
    if intrinsics.shape[-1:] != (4,):
        raise ValueError(f"intrinsics are (..., 4) fx, fy, cx, cy or (..., 3, 3), got {tuple(intrinsics.shape)}.")
    return intrinsics[..., None, None].unbind(-3)


def depth_to_points(depth, intrinsics):
    """Points of a depth map in the camera frame (x right, y down, z forward).

    Args:
        depth: (..., 1, H, W), metres along the optical axis; 0: no reading.
        intrinsics: (..., 4) fx, fy, cx, cy, or (..., 3, 3); pixels, whose centres lie at integer coordinates.

    Returns:
        (..., 3, H, W), metres; (0, 0, 0) where there is no reading.
    """
    fx, fy, cx, cy = (value.to(depth) for value in focal_and_centre(intrinsics))
    z = depth[..., 0, :, :]
    v = torch.arange(z.shape[-2], dtype=z.dtype, device=z.device)[:, None]
    u = torch.arange(z.shape[-1], dtype=z.dtype, device=z.device)
    return torch.stack(((u - cx) / fx * z, (v - cy) / fy * z, z), dim=-3)


def points_to_normals(points):
    """Unit normals of a surface, turned towards the camera, from its points' differences across each pixel.

    Args:
        points: (..., 3, H, W), as `depth_to_points` gives them; z = 0 marks a missing point.

    Returns:
        (..., 3, H, W); (0, 0, 0) where the pixel or one of its four neighbours is missing.
    """
    shape = points.shape
    padded = F.pad(points.reshape(-1, *shape[-3:]), (1, 1, 1, 1), mode="replicate")  # one-sided at the border
    left, right = padded[..., 1:-1, :-2], padded[..., 1:-1, 2:]
    above, below = padded[..., :-2, 1:-1], padded[..., 2:, 1:-1]
    # down × right, in this order: it points at the camera for every surface that the camera sees
    normals = F.normalize(torch.cross(below - above, right - left, dim=-3), dim=-3, eps=1e-20)
    seen = [(part[..., 2:, :, :] > 0) for part in (left, right, above, below, padded[..., 1:-1, 1:-1])]
    return (normals * torch.stack(seen).all(0)).reshape(shape)
