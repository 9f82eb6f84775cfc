import torch
import torch.nn.functional as F

from .geometry import focal_and_centre

# What counts as the surface around a pixel: rows and columns at these distances from it, where the depth differs by
# less than this part. Both are those of the toolbox of NYUDv2 (Silberman et al., ECCV 2012).
REACH = (1, 3, 6, 9)
JUMP = 0.05
_LEAST = 0.125  # of the neighbours: fewer don't tell a plane
_LEAST_WIDTH = 1e-3  # of neighbours that lie along a line: narrower ones don't either


@torch.no_grad()
def depth_to_normals(depth, intrinsics, reach=REACH, jump=JUMP):
    """Unit normals of noisy depth with holes: of the least-squares plane through the readings around each pixel.

    The inverse depth of a plane is linear in the pixel's coordinates, and a structured-light or stereo sensor's noise
    is about even in it, so the planes are fitted to the inverse depth. For depth without noise
    `geometry.points_to_normals` is sharper.

    Args:
        depth: (..., 1, H, W), metres along the optical axis; 0: no reading.
        intrinsics: (..., 4) fx, fy, cx, cy, or (..., 3, 3); pixels, whose centres lie at integer coordinates.
        reach: distances of the neighbours, in pixels, along rows and columns.
        jump: neighbours whose inverse depth differs by this part or more lie on another surface.

    Returns:
        (..., 3, H, W), camera frame (x right, y down, z forward), turned towards the camera; (0, 0, 0) where the pixel
        has no reading, or too few neighbours have one on its surface. 0.1 s for 480×640 on one core.
    """
    fx, fy, cx, cy = (value.to(depth) for value in focal_and_centre(intrinsics))
    z = depth[..., 0, :, :]
    inverse = torch.where(z > 0, z.reciprocal(), 0)
    slope_x, slope_y, step, valid = _fit_planes(inverse, reach, jump)
    v = torch.arange(z.shape[-2], dtype=z.dtype, device=z.device)[:, None]
    u = torch.arange(z.shape[-1], dtype=z.dtype, device=z.device)
    on_axis = inverse + step + slope_x * (cx - u) + slope_y * (cy - v)
    # 1 / z = slope_x fx · x / z + slope_y fy · y / z + on_axis: times z, the plane's equation, whose normal looks away
    normals = -torch.stack((slope_x * fx, slope_y * fy, on_axis), dim=-3)
    return F.normalize(normals, dim=-3) * valid.unsqueeze(-3)


def _fit_planes(values, reach, jump):
    """Of each pixel's plane: the slopes along x and y, its height over the pixel's value, and whether there is one."""
    offsets = (*(-n for n in reversed(reach)), 0, *reach)
    edge, (height, width) = max(reach), values.shape[-2:]
    padded, limit = F.pad(values, (edge,) * 4), jump * values
    difference, near = torch.empty_like(values), torch.empty_like(values)
    # Sums over the neighbours, i to the right and j below, whose value is w more: first along a row, then over the rows
    sums, row = values.new_zeros(9, *values.shape), values.new_zeros(5, *values.shape)
    n, i, j, ii, ij, jj, w, iw, jw = sums
    row_n, row_i, row_ii, row_w, row_iw = row
    for y in offsets:
        row.zero_()
        for x in offsets:
            neighbour = padded[..., edge + y : edge + y + height, edge + x : edge + x + width]
            torch.sub(neighbour, values, out=difference)
            torch.lt(difference.abs(), limit, out=near)
            difference.mul_(near)
            for total, factor in ((row_n, 1), (row_i, x), (row_ii, x * x)):
                total.add_(near, alpha=factor)
            for total, factor in ((row_w, 1), (row_iw, x)):
                total.add_(difference, alpha=factor)
        for total, part in ((n, row_n), (i, row_i), (ii, row_ii), (w, row_w), (iw, row_iw)):
            total.add_(part)
        for total, part, factor in ((j, row_n, y), (ij, row_i, y), (jj, row_n, y * y), (jw, row_w, y)):
            total.add_(part, alpha=factor)
    valid = n > _LEAST * len(offsets) ** 2
    sums[1:] /= n.clamp(min=1)
    for moment, one, other in ((ii, i, i), (ij, i, j), (jj, j, j), (iw, i, w), (jw, j, w)):
        moment.addcmul_(one, other, value=-1)  # about the mean
    determinant = ii * jj - ij * ij
    valid &= determinant > _LEAST_WIDTH * (ii + jj) ** 2
    determinant = torch.where(valid, determinant, 1)
    slope_x, slope_y = (iw * jj - jw * ij) / determinant, (jw * ii - iw * ij) / determinant
    return slope_x, slope_y, w - slope_x * i - slope_y * j, valid
