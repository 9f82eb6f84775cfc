"""Renders one room: an image with its labels."""

from typing import TypedDict

import numpy as np

from .camera_sensor import expose
from .portable_random import PortableRandom
from .random_room import random_room
from .ray_casting import cast, screen_boxes
from .ray_hits import hits_of
from .room_labels import find_edges, nearest_object, visible_instances
from .shading import add_reflections, radiance
from .solid_arrays import SolidArrays
from .textures import TEXTURES
from .vectors import dot

f32 = np.float32


class RenderedRoom(TypedDict):
    """An image of a room with its labels; see `render_room`."""

    img: np.ndarray
    semseg: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    instances: np.ndarray
    edge: np.ndarray
    saliency: np.ndarray
    intrinsics: tuple[float, float, float, float]


def render_room(seed: int, index: int, size: tuple[int, int] = (240, 320)) -> RenderedRoom:
    """Render room `index` of the set with the given seed.

    The result depends only on the arguments and is the same on every machine: per pixel, only operations that IEEE 754
    rounds exactly are used, and random numbers come from the raw words of PCG64.

    Args:
        seed: Seed of the set.
        index: Number of the room in the set.
        size: Height and width in pixels.

    Returns:
        `img`: uint8, (H, W, 3), RGB. `semseg`: uint8, (H, W), NYUD-40 class ids from 0 to 39. `depth`: float32, (H, W),
        metres along the optical axis. `normals`: float32, (H, W, 3), unit vectors in the camera frame (x right, y down,
        z forward) that face the camera. `instances`: uint16, (H, W), the visible objects from 1; 0 for walls, floor and
        ceiling. `edge`: boolean, (H, W), see `find_edges`. `saliency`: boolean, (H, W), see `nearest_object`.
        `intrinsics`: fx, fy, cx and cy in pixels, with pixel centres at integer coordinates. Every pixel has a valid
        label.
    """
    height, width = size = (size[0], size[1])
    scene_rng, sensor_rng = PortableRandom(seed, index, 0), PortableRandom(seed, index, 1)
    room = random_room(scene_rng)
    solids = SolidArrays(room.parts, TEXTURES)
    fx, fy, cx, cy = _to_pixels(room.intrinsics, size)
    origin = [f32(x) for x in room.camera[0]]
    axes = [[f32(x) for x in axis] for axis in room.camera[1:]]
    # Rays with a unit step along the optical axis: the ray parameter is the depth.
    right = np.broadcast_to((np.arange(width, dtype=f32) - f32(cx)) / f32(fx), size)
    down = np.broadcast_to(((np.arange(height, dtype=f32) - f32(cy)) / f32(fy))[:, None], size)
    rays = [right * axes[0][i] + down * axes[1][i] + axes[2][i] for i in range(3)]
    boxes = screen_boxes(solids, origin, axes, (fx, fy, cx, cy), size)
    depth, index_map = cast(solids, origin, rays, boxes)

    flat = [r.ravel() for r in rays]
    distance = depth.ravel()
    hits = hits_of(solids, origin, flat, distance, index_map.ravel())
    footprint = distance / f32(fx)
    light = radiance(room, solids, hits, flat, footprint, size)
    add_reflections(room, solids, hits, flat, footprint, light)
    normals = np.stack(
        [dot(a, hits.normal).reshape(size) for a in axes],
        -1,
    )
    semseg, instances = solids.label[index_map], visible_instances(solids.instance[index_map])
    camera_rays = (right, down, np.broadcast_to(f32(1), size))
    return RenderedRoom(
        img=expose(light, size, sensor_rng),
        semseg=semseg,
        depth=depth,
        normals=normals,
        instances=instances,
        edge=find_edges(semseg, instances, depth, camera_rays, normals),
        saliency=nearest_object(semseg, instances, depth),
        intrinsics=(fx, fy, cx, cy),
    )


def room_intrinsics(seed: int, index: int, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The intrinsics that `render_room` returns, without rendering."""
    return _to_pixels(random_room(PortableRandom(seed, index, 0)).intrinsics, size)


def _to_pixels(intrinsics: tuple[float, ...], size: tuple[int, int]) -> tuple[float, float, float, float]:
    height, width = size
    fx, fy, cx, cy = intrinsics
    return fx * width, fy * width, (width - 1) / 2 + cx * width, (height - 1) / 2 + cy * width
