"""Disparity, depth ranges and the KB crop."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtl_plugins.functional.depth_range import mask_depth_range
from mtl_plugins.functional.disparity import decode_disparity, disparity_to_depth
from mtl_plugins.functional.kb_crop import KB_CROP, kb_crop_window


def test_disparity_is_decoded():
    codes = torch.tensor([0, 1, 2, 257, 65535], dtype=torch.uint16)
    assert decode_disparity(codes).tolist() == [0, 0, 1 / 256, 1, 65534 / 256]


@given(st.lists(st.floats(0.01, 500), min_size=1), st.floats(0.05, 1), st.floats(100, 3000))
def test_disparity_to_depth_is_its_own_inverse(disparity, baseline, fx):
    disparity = torch.tensor([0.0, *disparity])
    depth = disparity_to_depth(disparity, baseline, fx)
    assert depth[0] == 0 and (depth[1:] > 0).all()
    torch.testing.assert_close(disparity_to_depth(depth, baseline, fx), disparity)


def test_readings_outside_the_range_are_invalid():
    depth = torch.tensor([0.0, 0.5, 1.0, 40.0, 80.0, 80.1])
    assert mask_depth_range(depth, (1, 80)).tolist() == [0, 0, 1, 40, 80, 0]
    assert mask_depth_range(depth, None) is depth


@pytest.mark.parametrize("height, width, top, left", [(375, 1242, 23, 13), (370, 1226, 18, 5), (376, 1241, 24, 12)])
def test_kb_crop(height, width, top, left):
    assert kb_crop_window(height, width) == (top, left, *KB_CROP)


def test_kb_crop_of_a_small_image_raises():
    with pytest.raises(ValueError, match="352×1216.*351×1242"):
        kb_crop_window(351, 1242)
