"""Sparse depth from laser scans."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from mtl_plugins.functional.geometry import depth_to_points
from mtl_plugins.functional.lidar import lidar_projection, points_to_depth

SIZE = (20, 30)
CAMERA = torch.tensor([[25.0, 0, 14.2, 0], [0, 26.0, 9.1, 0], [0, 0, 1, 0]], dtype=torch.float64)
seeds = st.integers(0, 2**32 - 1)


def scatter(seed, count=200):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, generator=generator) * torch.tensor([20.0, 14, 18]) - torch.tensor([10.0, 7, 3])


def rotation(seed):
    return torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))[0]


@given(seeds)
def test_points_are_projected_to_their_pixels(seed):
    """Each point of the depth map lies within half a pixel of an input point."""
    points = scatter(seed)
    depth = points_to_depth(points, CAMERA, SIZE)
    fx, fy, cx, cy = CAMERA[[0, 1, 0, 1], [0, 1, 2, 2]].tolist()
    found = depth_to_points(depth, (fx, fy, cx, cy)).flatten(1).T
    found = found[found[:, 2] > 0]
    same = (found[:, None, 2] - points[None, :, 2]).abs() < 1e-4
    shift = (found[:, None, :2] - points[None, :, :2]).abs() / found[:, None, 2:] * torch.tensor([fx, fy])
    assert (same & (shift < 0.501).all(-1)).any(1).all()


@given(seeds)
def test_the_nearest_point_counts_in_any_order(seed):
    points = scatter(seed, 2000)
    depth = points_to_depth(points, CAMERA, SIZE)
    shuffled = points[torch.randperm(len(points), generator=torch.Generator().manual_seed(seed))]
    assert torch.equal(depth, points_to_depth(shuffled, CAMERA, SIZE))
    farther = torch.cat((points, points * 1.5))  # the same rays
    assert torch.equal(depth, points_to_depth(farther, CAMERA, SIZE))


@given(seeds)
def test_the_pose_of_the_scanner_is_taken_into_account(seed):
    """Points in another frame give the same depth with the matrices of that frame."""
    points, turn, rectify, shift = scatter(seed).double(), rotation(seed), rotation(seed + 1), torch.rand(3).double()
    turn, rectify = (matrix * torch.linalg.det(matrix) for matrix in (turn, rectify))
    # scanner → reference camera (turn, shift) → rectified (rectify); the scanner's points are the inverse of that
    scanned = (points @ rectify - shift) @ turn
    matrix = lidar_projection(turn, shift, rectify, CAMERA)
    torch.testing.assert_close(points_to_depth(scanned, matrix, SIZE), points_to_depth(points, CAMERA, SIZE))


def test_pinned_values():
    points = torch.tensor([[0.0, 0, 5, 0.3], [0, 0, 4, 0.1], [0, 0, -2, 0], [1e9, 0, 1, 0], [0, 0, 0, 0]])
    depth = points_to_depth(points, CAMERA, SIZE)
    assert depth.dtype == torch.float32 and depth.shape == (1, *SIZE)
    assert depth[0, 9, 14] == 4 and (depth > 0).sum() == 1
    baseline = CAMERA.clone()
    baseline[0, 3] = -25.0 * 0.5  # a camera half a metre to the right
    seen = points_to_depth(points, baseline, SIZE)
    assert seen[0, 9, 11] == 4 and seen[0, 9, 12] == 5 and (seen > 0).sum() == 2  # 14.2 - 12.5 / 4, 14.2 - 12.5 / 5
    assert (points_to_depth(points[:0], CAMERA, SIZE) == 0).all()
