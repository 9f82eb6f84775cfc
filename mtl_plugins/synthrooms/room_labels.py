"""Labels that follow from the geometry of a rendered room: instances, edges and the nearest object.

Per pixel, only operations that IEEE 754 rounds exactly are used, so the labels are the same on every machine.
"""

from collections.abc import Sequence

import numpy as np

from .class_ids import CLASS_ID
from .vectors import dot

f32 = np.float32

#: One surface hides another if the plane through each of two neighbouring pixels is farther from the point of the other
#: pixel than this share of its depth.
OCCLUSION = 0.03
#: Smallest share of the image's pixels that the nearest object covers.
SMALLEST_SHARE = 0.02
#: Classes that are never the nearest object: rugs lie flat on the floor.
FLAT_CLASSES = (CLASS_ID["floor mat"],)


def visible_instances(instances: np.ndarray) -> np.ndarray:
    """Number the visible instances 1, 2, … without gaps, in the order of their numbers.

    Args:
        instances: Numbers of the instances, integers (H, W); 0 for walls, floor and ceiling.

    Returns:
        uint16, (H, W).
    """
    present = np.bincount(instances.ravel()) > 0
    present[0] = False
    numbers = np.cumsum(present) * present
    return numbers.astype(np.uint16)[instances]


def find_edges(
    semseg: np.ndarray, instances: np.ndarray, depth: np.ndarray, rays: Sequence[np.ndarray], normals: np.ndarray
) -> np.ndarray:
    """Edges: boundaries of classes and instances, and occlusions within an instance.

    A pixel is an edge if it differs from its right or its lower neighbour: in its class, in its instance, or because
    one surface hides the other. The last holds if the plane of neither pixel passes near the point of the other, so
    creases and slanted surfaces are no edges. Edges are one pixel wide.

    Args:
        semseg: Class ids, (H, W).
        instances: Numbers of the instances, (H, W).
        depth: Metres along the optical axis, float32 (H, W).
        rays: x, y, z of the rays with a unit step along the optical axis, in the frame of `normals`, each (H, W).
        normals: Unit vectors, float32 (H, W, 3).

    Returns:
        Boolean, (H, W).
    """
    edges = np.zeros(semseg.shape, bool)
    n = [normals[..., i] for i in range(3)]
    for axis in (0, 1):
        first: tuple[slice, ...] = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        second: tuple[slice, ...] = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        differ = (semseg[first] != semseg[second]) | (instances[first] != instances[second])
        hidden = _misses(first, second, depth, rays, n) & _misses(second, first, depth, rays, n)
        edges[first] |= differ | hidden
    return edges


def _misses(
    here: tuple[slice, ...],
    there: tuple[slice, ...],
    depth: np.ndarray,
    rays: Sequence[np.ndarray],
    normals: Sequence[np.ndarray],
) -> np.ndarray:
    """Whether the points of `there` are far from the planes through the points of `here`."""
    n = [x[here] for x in normals]
    level, level_there = (depth[part] * dot(n, [x[part] for x in rays]) for part in (here, there))
    return np.abs(level_there - level) > f32(OCCLUSION) * depth[there]


def nearest_object(semseg: np.ndarray, instances: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The pixels of the nearest object, as a label for saliency.

    It is the instance with the smallest median depth of those that cover at least `SMALLEST_SHARE` of the image, or, if
    none does, the largest instance. Rugs do not count. The mask is empty in a room without objects.

    Args:
        semseg: Class ids, (H, W).
        instances: Numbers of the instances, (H, W).
        depth: Metres, float32 (H, W).

    Returns:
        Boolean, (H, W).
    """
    counted = np.where(np.isin(semseg, FLAT_CLASSES), 0, instances)
    pixels = np.bincount(counted.ravel())
    pixels[0] = 0
    large = np.flatnonzero(pixels >= SMALLEST_SHARE * counted.size)
    if not len(large):
        large = np.array([pixels.argmax()])
    medians = [np.sort(depth[counted == number])[pixels[number] // 2] for number in large] if pixels.any() else []
    return counted == large[np.argmin(medians)] if medians else np.zeros(semseg.shape, bool)
