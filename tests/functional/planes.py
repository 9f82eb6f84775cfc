"""Planes in front of a pinhole camera, whose normals are known."""

import torch
from hypothesis import strategies as st

#: Unit normals that face the camera, (3,) float64.
tilted = st.tuples(st.floats(-0.7, 0.7), st.floats(-0.7, 0.7)).map(
    lambda t: torch.nn.functional.normalize(torch.tensor((*t, -1.0), dtype=torch.float64), dim=0)
)


def plane_depth(normal, distance, camera, size):
    """Depth (1, H, W), float64, of the plane normal · p = -distance, computed from each pixel's ray."""
    fx, fy, cx, cy = camera.double()
    v, u = torch.meshgrid(*(torch.arange(n).double() for n in size), indexing="ij")
    return -distance / (normal[0] * (u - cx) / fx + normal[1] * (v - cy) / fy + normal[2])[None]
