"""Label spaces and class maps: well-formed, and equal to their sources."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mtl_plugins.label_spaces import VOID, class_map, label_space, list_class_maps, list_label_spaces, map_classes


@pytest.mark.parametrize("name", list_label_spaces())
def test_a_space_has_equally_many_names_ids_and_colours(name):
    space = label_space(name)
    assert space.name == name and len(space.classes) == len(set(space.classes)) == len(set(space.ids))
    assert len(space.palette) in (0, len(space.classes))
    assert len(set(space.palette)) == len(space.palette)
    if space.palette:  # the ids that a network may predict, counted from 0
        assert space.ids == tuple(range(len(space.classes)))


@pytest.mark.parametrize("name", list_class_maps())
def test_a_map_contains_only_ids_of_its_target(name):
    source, target = name.split(" -> ")
    lut = class_map(source, target)
    assert lut.dtype == np.uint8
    reached = set(lut.tolist())
    assert reached <= {*label_space(target).ids, VOID} and len(reached) > 1
    outside = np.setdiff1d(np.arange(len(lut)), label_space(source).ids)
    assert (lut[outside] == VOID).all()


def test_nyud_maps_equal_the_authors_files():
    """The hashes are of `mapClass` in classMapping40.mat and of `labels13` in class13Mapping.mat, as bytes."""
    forty, thirteen = class_map("nyud894", "nyud40")[1:895], class_map("nyud40", "nyud13")[:40]
    hashes = [hashlib.sha256((ids + 1).astype(np.uint8).tobytes()).hexdigest() for ids in (forty, thirteen)]
    assert hashes == [
        "9c75cdc1ff39748751966fe8d8493b1d2ca3acda9ec861b2f70f52221d65a7bd",
        "4546b855f91db9ac53abefe61b751c4c4fff85cc0ee7e2b60e5f05dbe0309dd1",
    ]
    assert np.array_equal(class_map("nyud894", "nyud13")[1:895], thirteen[forty])


def test_pinned_ids():
    cityscapes = class_map("cityscapes34", "cityscapes19")
    assert [cityscapes[i] for i in (0, 7, 11, 26, 33, 9, 255)] == [VOID, 0, 2, 13, 18, VOID, VOID]
    assert label_space("kitti6").classes == ("sky", "building", "road", "sidewalk", "vegetation", "car")
    kitti = class_map("cityscapes34", "kitti6")  # through cityscapes19
    assert [kitti[i] for i in (23, 11, 7, 8, 21, 26, 24)] == [0, 1, 2, 3, 4, 5, VOID]
    assert np.array_equal(class_map("kitti6", "kitti6")[:7], [0, 1, 2, 3, 4, 5, VOID])


@given(hnp.arrays(np.uint16, (3, 5), elements=st.integers(0, 2000)))
def test_classes_are_mapped_pixel_by_pixel(ids):
    lut = class_map("nyud894", "nyud40")
    mapped = map_classes(ids, lut)
    assert mapped.dtype == np.uint8 and mapped.shape == ids.shape
    for identity, found in zip(ids.ravel(), mapped.ravel(), strict=True):
        assert found == (lut[identity] if identity < len(lut) else VOID)


def test_custom_map(tmp_path):
    table = tmp_path / "mine.csv"
    rows = {name: ("road" if name == "floor" else "") for name in label_space("nyud13").classes}
    table.write_text("# mine\nnyud13,kitti6\n" + "".join(f"{a},{b}\n" for a, b in rows.items()))
    lut = class_map("nyud13", "kitti6", table)
    assert lut[label_space("nyud13").classes.index("floor")] == 2 and (lut == VOID).sum() == 255
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("nyud13,kitti6\nfloor,street\n")
    with pytest.raises(ValueError, match="street.*kitti6 does not have"):
        class_map("nyud13", "kitti6", wrong)


def test_unknown_names_raise():
    with pytest.raises(FileNotFoundError, match="'nyud41'.*did you mean 'nyud40'"):
        label_space("nyud41")
    with pytest.raises(FileNotFoundError, match="no class map from kitti6 to nyud40; known: camvid11 -> kitti6"):
        class_map("kitti6", "nyud40")
    with pytest.raises(FileNotFoundError, match="'kiti6'.*did you mean 'kitti6'"):
        class_map("kiti6", "nyud40")
