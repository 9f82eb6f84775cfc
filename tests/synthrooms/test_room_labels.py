"""Instances, edges and the nearest object of rendered rooms."""

import hashlib

import numpy as np
import pytest

from mtl_plugins.synthrooms import render_room
from mtl_plugins.synthrooms.class_ids import CLASS_ID, NYUD40
from mtl_plugins.synthrooms.fittings import kitchen
from mtl_plugins.synthrooms.furniture import bed, bookshelf, chair
from mtl_plugins.synthrooms.group import Group
from mtl_plugins.synthrooms.portable_random import PortableRandom
from mtl_plugins.synthrooms.room_labels import find_edges, nearest_object, visible_instances
from mtl_plugins.synthrooms.solid_arrays import SolidArrays
from mtl_plugins.synthrooms.style import Style
from mtl_plugins.synthrooms.textures import TEXTURES

SIZE = (96, 128)
STUFF = [CLASS_ID[name] for name in ("wall", "floor", "ceiling")]


@pytest.fixture(scope="module")
def rooms():
    return [render_room(0, i, SIZE) for i in range(12)]


def test_labels_do_not_depend_on_the_machine():
    room = render_room(0, 0, (48, 64))
    parts = (np.ascontiguousarray(room[key]).tobytes() for key in ("instances", "edge", "saliency"))
    assert (
        hashlib.sha256(b"".join(parts)).hexdigest()
        == "a5c7bf9164f8c5747db0888481447635e6f631ee5e48c2d1824cbf172cc65e7f"
    )


def test_each_instance_has_one_class_and_stuff_has_none(rooms):
    for room in rooms:
        instances, semseg = room["instances"], room["semseg"]
        assert instances.dtype == np.uint16 and instances.shape == SIZE
        np.testing.assert_array_equal(instances == 0, np.isin(semseg, STUFF))
        assert np.unique(instances).tolist() in ([*range(instances.max() + 1)], [*range(1, instances.max() + 1)])
        for number in range(1, instances.max() + 1):
            assert len(np.unique(semseg[instances == number])) == 1
    assert np.mean([room["instances"].max() for room in rooms]) > 6


def instances_of(group):
    placed = Group(things=3)
    placed.put(group, 1.0, 0.5, 0.0, 30.0)
    solids = SolidArrays(placed.parts, TEXTURES)
    assert (solids.instance > 0).all()
    return solids


def classes_of(solids):
    """The class name of each instance."""
    return sorted(NYUD40[solids.label[solids.instance == n][0]] for n in np.unique(solids.instance))


@pytest.mark.parametrize("seed", range(6))
def test_the_parts_of_a_piece_of_furniture_are_one_instance(seed):
    rng = PortableRandom(seed, 0, 0)
    style = Style(rng)
    assert classes_of(instances_of(chair(rng, style))) == ["chair"]
    names = classes_of(instances_of(bookshelf(rng, style)))
    assert names.count("bookshelf") == 1 and names.count("books") == 1
    made = bed(rng, style)
    names = classes_of(instances_of(made))
    pillows = sum(part.label == CLASS_ID["pillow"] for part in made.parts)
    assert names.count("bed") == 1 and names.count("pillow") == pillows
    names = classes_of(instances_of(kitchen(rng, style, 2.0)))
    assert names.count("counter") == names.count("sink") == 1 and names.count("cabinet") in (1, 2)


def test_visible_instances_are_numbered_without_gaps():
    found = visible_instances(np.array([[0, 5, 5], [9, 0, 2]], np.uint16))
    assert found.dtype == np.uint16 and found.tolist() == [[0, 2, 2], [3, 0, 1]]
    assert visible_instances(np.zeros((2, 2), np.uint16)).tolist() == [[0, 0], [0, 0]]


def flat_scene(depth):
    """A wall that faces the camera at the given depth, without boundaries of classes or instances."""
    height, width = depth.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32) - width / 2, np.arange(height, dtype=np.float32) - height / 2)
    rays = (np.float32(0.02) * x, np.float32(0.02) * y, np.ones_like(x))
    normals = np.zeros((height, width, 3), np.float32)
    normals[..., 2] = -1
    same = np.zeros((height, width), np.uint8)
    return same, same, depth, rays, normals


def test_an_occlusion_within_an_instance_is_an_edge_one_pixel_wide():
    depth = np.full((8, 10), 3, np.float32)
    depth[:, 4:] = 2
    expected = np.zeros((8, 10), bool)
    expected[:, 3] = True
    np.testing.assert_array_equal(find_edges(*flat_scene(depth)), expected)
    depth[:, 4:] = 2.95  # a relief of 5 cm at 3 m
    assert not find_edges(*flat_scene(depth)).any()


def test_creases_and_slanted_planes_are_no_edges():
    """The floor and a wall in one instance: steep in the image, but one plane continues the other."""
    same, _, _, rays, normals = flat_scene(np.ones((40, 30), np.float32))
    floor, wall = np.array([0, -1, 0], np.float32), np.array([0, 0, -1], np.float32)
    down = rays[1]
    depth_floor = np.divide(np.float32(1.2), down, out=np.full_like(down, 99), where=down > 0)
    depth = np.minimum(depth_floor, np.float32(5))
    normals[:] = np.where((depth_floor < 5)[..., None], floor, wall)
    assert depth.min() < 4 and (depth == 5).any()
    assert not find_edges(same, same, depth, rays, normals).any()


def test_boundaries_of_classes_and_instances_are_edges(rooms):
    for room in rooms:
        edge, semseg, instances = room["edge"], room["semseg"].astype(int), room["instances"].astype(int)
        pair = 1000 * semseg + instances
        boundary = np.zeros(SIZE, bool)
        boundary[:-1] |= pair[:-1] != pair[1:]
        boundary[:, :-1] |= pair[:, :-1] != pair[:, 1:]
        assert edge[boundary].all() and not edge[-1, -1]
        assert (edge & ~boundary).mean() < 0.02
        assert 0.01 < edge.mean() < 0.2


def test_the_nearest_object_is_one_instance(rooms):
    for room in rooms:
        inside = np.unique(room["instances"][room["saliency"]])
        assert len(inside) == 1 and inside[0] > 0
        np.testing.assert_array_equal(room["saliency"], room["instances"] == inside[0])


def test_small_objects_and_rugs_are_not_the_nearest_object():
    semseg = np.full((10, 20), CLASS_ID["chair"], np.uint8)
    instances = np.ones((10, 20), np.uint16)
    depth = np.full((10, 20), 4, np.float32)
    instances[:, 10:], depth[:, 10:] = 2, 3
    assert (nearest_object(semseg, instances, depth) == (instances == 2)).all()
    instances[0, :3], depth[0, :3] = 3, 1  # 3 of 200 pixels
    assert (nearest_object(semseg, instances, depth) == (instances == 2)).all()
    semseg[:, 10:] = CLASS_ID["floor mat"]
    assert (nearest_object(semseg, instances, depth) == (instances == 1)).all()
    instances[:] = 0
    assert not nearest_object(semseg, instances, depth).any()
    instances[3, 4:6] = 1  # the only object is small
    assert nearest_object(semseg, instances, depth).sum() == 2
