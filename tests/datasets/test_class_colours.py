import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torchvision import tv_tensors

from mtl_plugins.datasets import DataError
from mtl_plugins.datasets.readers import find_reader, read_colours
from mtl_plugins.label_spaces import label_space, list_label_spaces

from .data_files import write_png

COLOURED = [name for name in list_label_spaces() if label_space(name).palette]


@pytest.mark.parametrize("name", COLOURED)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_colours_become_ids(tmp_path, name, data):
    space = label_space(name)
    count = len(space.classes)
    ids = data.draw(hnp.arrays(np.uint8, (5, 7), elements=st.integers(0, count)))
    void = (1, 2, 3)
    path = write_png(tmp_path / "m.png", np.array([*space.palette, void], np.uint8)[ids])
    read = read_colours(path, name, void_colours=(void,))
    assert type(read) is tv_tensors.Mask and read.dtype == torch.uint8
    assert np.array_equal(read[0].numpy(), np.where(ids == count, 255, ids))


def test_alpha_is_ignored_and_palettes_are_resolved(tmp_path):
    from PIL import Image

    picture = Image.fromarray(np.full((4, 4, 3), (128, 64, 128), np.uint8))
    for mode in ("RGBA", "P"):
        picture.convert(mode, **(dict(palette=Image.Palette.ADAPTIVE) if mode == "P" else {})).save(tmp_path / "m.png")
        assert (read_colours(tmp_path / "m.png", "kitti6") == 2).all()


def test_the_error_names_an_unknown_colour_and_its_position(tmp_path):
    picture = np.zeros((6, 8, 3), np.uint8)
    picture[2, 5] = (128, 64, 127)
    picture[4, 1] = (9, 9, 9)
    path = write_png(tmp_path / "m.png", picture)
    message = (
        r"m.png has the colour RGB \(128, 64, 127\) at row 2, column 5 \(2 pixels .*not a class of kitti6: "
        r"sky \(128, 128, 128\)"
    )
    with pytest.raises(DataError, match=message):
        read_colours(path, "kitti6")


def test_the_reader_is_found_by_name():
    assert find_reader("colours", "semseg") is read_colours
    with pytest.raises(KeyError, match="unknown reader 'coulours' for the label 'semseg': did you mean 'colours'"):
        find_reader("coulours", "semseg")
