"""Points and normals of depth maps."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_plugins.functional.geometry import depth_to_points, points_to_normals

from .planes import plane_depth, tilted

CAMERA = torch.tensor((40.0, 42.0, 15.2, 11.9), dtype=torch.float64)


def plane(normal, distance=2.0):
    return plane_depth(normal, distance, CAMERA, (24, 32))


@given(tilted, st.floats(0.5, 9))
@settings(max_examples=40, deadline=None)
def test_points_lie_on_the_plane_and_have_its_normal(normal, distance):
    points = depth_to_points(plane(normal, distance), CAMERA)
    torch.testing.assert_close((points * normal[:, None, None]).sum(0), torch.full((24, 32), -distance).double())
    normals = points_to_normals(points)
    torch.testing.assert_close(normals, normal[:, None, None].expand(3, 24, 32), atol=1e-9, rtol=0)


def test_a_pixel_projects_back_onto_itself():
    points = depth_to_points(torch.rand(1, 24, 32, dtype=torch.float64) + 1, CAMERA)
    fx, fy, cx, cy = CAMERA
    torch.testing.assert_close(fx * points[0, 5, 7] / points[2, 5, 7] + cx, torch.tensor(7.0).double())
    torch.testing.assert_close(fy * points[1, 5, 7] / points[2, 5, 7] + cy, torch.tensor(5.0).double())


def test_camera_matrices_and_batches_give_the_same_points():
    depth = torch.rand(4, 1, 6, 7) + 1
    cameras = torch.rand(4, 4) + 5
    matrices = torch.zeros(4, 3, 3)
    matrices[:, [0, 1, 0, 1], [0, 1, 2, 2]] = cameras
    points = depth_to_points(depth, cameras)
    assert torch.equal(depth_to_points(depth, matrices), points)
    assert torch.equal(torch.stack([depth_to_points(d, c) for d, c in zip(depth, cameras, strict=True)]), points)
    normals = points_to_normals(points)
    torch.testing.assert_close(torch.stack([points_to_normals(p) for p in points]), normals)


def test_holes_and_their_neighbours_have_no_normal():
    depth = plane(torch.tensor((0.0, 0.0, -1.0)))
    depth[0, 10, 12] = 0
    points = depth_to_points(depth, CAMERA)
    assert (points[:, 10, 12] == 0).all()
    invalid = points_to_normals(points).norm(dim=0) == 0
    assert invalid.sum() == 5 and invalid[10, 11:14].all() and invalid[9:12, 12].all()


def test_normals_of_a_sphere_face_the_camera():
    """Up to the rim, n · p < 0, and the normals equal the analytic ones."""
    centre, radius = torch.tensor((0.1, -0.05, 3.0)).double(), 1.0
    rays = depth_to_points(torch.ones(1, 24, 32).double(), CAMERA)
    b, a = (rays * centre[:, None, None]).sum(0), rays.square().sum(0)
    root = b.square() - a * (centre.square().sum() - radius**2)
    depth = torch.where(root > 0.3, (b - root.clamp(min=0).sqrt()) / a, 0.0)
    points = depth_to_points(depth[None], CAMERA)
    normals = points_to_normals(points)
    valid = normals.norm(dim=0) > 0
    assert valid.sum() > 50
    assert ((normals * points).sum(0)[valid] < 0).all()
    exact = (points - centre[:, None, None]) / radius
    assert ((normals * exact).sum(0)[valid] > 0.99).all()


def test_intrinsics_of_another_shape_raise():
    with pytest.raises(ValueError, match="fx, fy, cx, cy"):
        depth_to_points(torch.ones(1, 2, 2), torch.ones(5))
