"""Normals of noisy depth."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mtl_plugins.functional.depth_to_normals import depth_to_normals
from mtl_plugins.functional.geometry import depth_to_points, points_to_normals
from mtl_plugins.functional.normals_png import decode_normals

from .planes import plane_depth, tilted

CAMERA = torch.tensor((300.0, 310.0, 31.2, 23.9))
SIZE = (48, 64)


def plane(normal, distance=2.0):
    return plane_depth(normal, distance, CAMERA, SIZE)


def angles(normals, expected):
    return torch.rad2deg((normals * expected).sum(-3).clamp(-1, 1).acos())


@given(tilted, st.floats(0.5, 9))
@settings(max_examples=20, deadline=None)
def test_a_plane_has_its_normal_everywhere(normal, distance):
    normals = depth_to_normals(plane(normal, distance), CAMERA)
    torch.testing.assert_close(normals, normal[:, None, None].expand(3, *SIZE), atol=1e-9, rtol=0)
    single = depth_to_normals(plane(normal, distance).float(), CAMERA)
    torch.testing.assert_close(single.double(), normals, atol=1e-3, rtol=0)


def test_noise_is_smoothed():
    """With the Kinect's disparity steps of 1/8 pixel, differences of neighbours are noise; fitted planes are smooth."""
    normal = torch.nn.functional.normalize(torch.tensor((0.4, -0.3, -1.0), dtype=torch.float64), dim=0)
    disparity = 575 * 0.075 / plane(normal, 2.0)
    noise = 0.08 * torch.randn(disparity.shape, generator=torch.Generator().manual_seed(0))
    depth = 575 * 0.075 / ((disparity + noise) * 8).round().mul(1 / 8)
    expected = normal[:, None, None]
    smooth = angles(depth_to_normals(depth, CAMERA), expected)
    rough = angles(points_to_normals(depth_to_points(depth, CAMERA)), expected)
    assert smooth.mean() < 3 and smooth.mean() < rough.mean() / 5


def test_edges_stay_sharp_and_holes_do_not_spread():
    left, right = (torch.tensor(n, dtype=torch.float64) for n in ((0.6, 0.0, -0.8), (0.0, 0.6, -0.8)))
    depth = torch.cat((plane(left, 1.0)[..., :32], plane(right, 3.0)[..., 32:]), -1)
    depth[:, 10:14] = 0
    normals = depth_to_normals(depth, CAMERA)
    seen = (depth > 0).squeeze(0)
    assert torch.equal(normals.norm(dim=0) > 0.5, seen)
    for half, expected in ((slice(0, 32), left), (slice(32, 64), right)):
        assert angles(normals, expected[:, None, None])[:, half][seen[:, half]].max() < 1e-3


def test_too_few_readings_have_no_normal():
    depth = torch.zeros(1, *SIZE)
    depth[0, 5, 7] = 2.0
    depth[0, 20] = 2.0  # a line
    depth[0, 35:38, :3] = 2.0
    assert (depth_to_normals(depth, CAMERA) == 0).all()


def test_camera_matrices_and_batches_give_the_same_normals():
    depth = torch.stack([plane(torch.tensor((0.1 * i, 0.2, -1.0))).float() for i in range(3)])
    depth[:, :, :9, :9] = 0
    cameras = CAMERA + torch.arange(3.0)[:, None]
    matrices = torch.zeros(3, 3, 3)
    matrices[:, [0, 1, 0, 1], [0, 1, 2, 2]] = cameras
    normals = depth_to_normals(depth, cameras)
    assert normals.shape == (3, 3, *SIZE)
    assert torch.equal(normals, torch.stack([depth_to_normals(d, c) for d, c in zip(depth, cameras, strict=True)]))
    assert torch.equal(normals, depth_to_normals(depth, matrices))


@given(tilted)
@settings(max_examples=10, deadline=None)
def test_mirroring_changes_the_sign_of_x(normal):
    depth = plane(normal)
    depth[..., 20:, 40:] = 0
    mirrored = CAMERA.clone()
    mirrored[2] = SIZE[1] - 1 - CAMERA[2]
    expected = depth_to_normals(depth, CAMERA).flip(-1) * torch.tensor((-1.0, 1, 1))[:, None, None]
    torch.testing.assert_close(depth_to_normals(depth.flip(-1), mirrored), expected, atol=1e-9, rtol=0)


def test_real_depth_agrees_with_the_published_normals(shared):
    """Measured: mean angle 3.6° and median 1.15° where both have a normal; 99.8 % of the readings have one."""
    samples = shared("data/nyud_samples")
    depth = torch.from_numpy(np.asarray(Image.open(samples / "depth_gt_000433.png")).astype(np.float32) / 5000)[None]
    published = torch.from_numpy(decode_normals(np.asarray(Image.open(samples / "norm_gt_000433.png").convert("RGB"))))
    published = published.permute(2, 0, 1)
    ours = depth_to_normals(depth, (518.85790117, 519.46961112, 325.58244941, 253.73616634))
    has = ours.norm(dim=0) > 0.5
    assert has.sum() > 0.99 * (depth > 0).sum() and not has[depth[0] == 0].any()
    difference = angles(ours, published)[has & (published.norm(dim=0) > 0.5)]
    assert difference.mean() < 4 and difference.median() < 1.5


def test_intrinsics_of_another_shape_raise():
    with pytest.raises(ValueError, match="fx, fy, cx, cy"):
        depth_to_normals(torch.ones(1, 2, 2), torch.ones(5))
