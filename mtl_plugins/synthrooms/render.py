"""One room, as picture and labels."""

import numpy as np

from .draw import Draw
from .primitives import Solids
from .scene import random_room
from .sensor import expose
from .shade import add_reflections, radiance
from .surface import hits_of
from .textures import TEXTURES
from .trace import cast, screen_boxes

f32 = np.float32


def render_room(seed: int, index: int, size=(240, 320)) -> dict:
    """Renders room ``index`` of the set ``seed`` at ``size`` (height, width).

    Returns:
        dict: ``img`` uint8 (H, W, 3) RGB; ``semseg`` uint8 (H, W), NYUD-40 classes 0..39; ``depth`` float32
        (H, W), metres along the optical axis; ``normals`` float32 (H, W, 3), unit, camera frame (x right,
        y down, z forward), n . ray < 0; ``intrinsics`` (fx, fy, cx, cy) in pixels, pixel centres at integers.

    The arrays depend on the arguments alone, on any machine: per pixel only operations that IEEE 754 rounds
    exactly are used, and random numbers come from the raw words of PCG64.
    """
    height, width = size = tuple(size)
    scene_draw, sensor_draw = Draw(seed, index, 0), Draw(seed, index, 1)
    room = random_room(scene_draw)
    solids = Solids(room.parts, TEXTURES)
    fx, fy, cx, cy = _in_pixels(room.intrinsics, size)
    origin = [f32(x) for x in room.camera[0]]
    axes = [[f32(x) for x in a] for a in room.camera[1:]]
    # Rays with a unit step along the optical axis: the ray parameter is the depth.
    right = np.broadcast_to((np.arange(width, dtype=f32) - f32(cx)) / f32(fx), size)
    down = np.broadcast_to(((np.arange(height, dtype=f32) - f32(cy)) / f32(fy))[:, None], size)
    rays = [right * axes[0][i] + down * axes[1][i] + axes[2][i] for i in range(3)]
    boxes = screen_boxes(solids, origin, axes, (fx, fy, cx, cy), size)
    depth, index_map = cast(solids, origin, rays, boxes)

    flat = [r.ravel() for r in rays]
    distance = depth.ravel()
    hits = hits_of(solids, origin, flat, distance, index_map.ravel())
    foot = distance / f32(fx)
    light = radiance(room, solids, hits, flat, foot, size)
    add_reflections(room, solids, hits, flat, foot, light)
    normals = np.stack(
        [(a[0] * hits.normal[0] + a[1] * hits.normal[1] + a[2] * hits.normal[2]).reshape(size) for a in axes],
        -1,
    )
    return dict(
        img=expose(light, size, sensor_draw),
        semseg=solids.label[index_map],
        depth=depth,
        normals=normals,
        intrinsics=(fx, fy, cx, cy),
    )


def camera_of(seed: int, index: int, size) -> tuple:
    """The intrinsics of :func:`render_room` without the picture."""
    return _in_pixels(random_room(Draw(seed, index, 0)).intrinsics, size)


def _in_pixels(intrinsics, size):
    height, width = size
    fx, fy, cx, cy = intrinsics
    return fx * width, fy * width, (width - 1) / 2 + cx * width, (height - 1) / 2 + cy * width
