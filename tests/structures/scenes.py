"""Scenes with known geometry: planes in front of a pinhole camera."""

import torch
from torchvision import tv_tensors

from mtl_plugins.structures import DenseMap, DepthMap, Intrinsics, NormalMap


def unit(x, y, z):
    return torch.nn.functional.normalize(torch.tensor((x, y, z), dtype=torch.float64), dim=0)


def two_planes(height, width, camera, tilts, distances=(2.0, 2.2)):
    """A sample dict of two adjacent walls: img, semseg (the number of the wall), depth, normals, intrinsics, pixels."""
    fx, fy, cx, cy = camera
    v, u = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    rays = torch.stack(((u - cx) / fx, (v - cy) / fy, torch.ones_like(u)))
    normals = [unit(x, y, -1.0) for x, y in tilts]
    depths = torch.stack([-d / torch.einsum("c,chw->hw", n, rays) for n, d in zip(normals, distances, strict=True)])
    assert (depths > 0).all(), "the camera must see both planes from the front everywhere"
    depth, wall = depths.min(0)
    return dict(
        img=tv_tensors.Image(torch.randint(0, 256, (3, height, width), dtype=torch.uint8)),
        semseg=tv_tensors.Mask(wall[None].to(torch.uint8)),
        depth=DepthMap(depth[None]),
        normals=NormalMap(torch.stack(normals)[wall].permute(2, 0, 1)),
        intrinsics=Intrinsics(camera, canvas_size=(height, width)),
        pixels=DenseMap(torch.stack((u, v))),
    )


def fitted_normal(points):
    """Unit normal, facing the camera, of the least-squares plane through points (3, N)."""
    centred = points.double() - points.double().mean(1, keepdim=True)
    normal = torch.linalg.svd(centred, full_matrices=False)[0][:, 2]
    return -normal if normal @ points.double().mean(1) > 0 else normal
