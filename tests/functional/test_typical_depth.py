"""The typical depth of a fixed camera, and resizing that keeps the readings of a laser scanner."""

import pytest
import torch

from mtl_plugins.functional.resize_sparse import resize_sparse
from mtl_plugins.functional.typical_depth import typical_depth


def rows(*metres, width=6):
    return torch.tensor(metres).view(1, -1, 1).repeat(1, 1, width)


def test_the_mean_of_each_cell():
    found = typical_depth([rows(40.0, 40.0, 10.0, 10.0), rows(20.0, 20.0, 8.0, 8.0)], (2, 3))
    torch.testing.assert_close(found, torch.tensor([[30.0] * 3, [9.0] * 3]))


def test_invalid_readings_do_not_count():
    first, second = rows(40.0, 10.0), rows(20.0, 6.0)
    first[..., :3], second[..., 3:] = 0, torch.nan
    torch.testing.assert_close(typical_depth([first, second], (2, 1)), torch.tensor([[30.0], [8.0]]))


def test_it_is_symmetric_because_training_mirrors_images():
    depth = rows(10.0)
    depth[..., :2] = 20
    torch.testing.assert_close(typical_depth([depth], (1, 3)), torch.tensor([[15.0, 10.0, 15.0]]))


def test_cells_without_a_reading_take_the_one_below_or_above():
    depth = rows(0.0, 0.0, 30.0, 10.0, 0.0)
    assert typical_depth([depth], (5, 1)).flatten().tolist() == [30, 30, 30, 10, 10]
    depth = rows(0.0, 30.0)
    depth[..., 1:5] = 0  # the columns in the middle have no reading at all
    assert typical_depth([depth], (2, 6)).tolist() == [[30] * 6] * 2


def test_no_reading_at_all_raises():
    with pytest.raises(ValueError, match="no depth map has a valid reading"):
        typical_depth([rows(0.0, 0.0)], (2, 2))


def test_no_reading_is_lost_and_the_nearest_counts():
    generator = torch.Generator().manual_seed(0)
    depth = torch.rand(1, 12, 18, generator=generator) * (torch.rand(1, 12, 18, generator=generator) < 0.3)
    small = resize_sparse(depth, (4, 6))
    cells = depth.view(4, 3, 6, 3).permute(0, 2, 1, 3).reshape(4, 6, 9)
    nearest = cells.masked_fill(cells == 0, torch.inf).amin(-1)
    assert torch.equal(small[0], nearest.masked_fill(nearest.isinf(), 0))


def test_at_the_same_size_nothing_changes_and_a_larger_map_is_sparser():
    depth = torch.tensor([[[0.0, 7.0], [5.0, 0.0]]])
    assert torch.equal(resize_sparse(depth, (2, 2)), depth)
    large = resize_sparse(depth, (4, 4))
    assert sorted(large[large > 0].tolist()) == [5, 7] and large[0, 3, 1] == 5 and large[0, 1, 3] == 7
    assert not resize_sparse(torch.zeros(1, 3, 3), (2, 5)).any()
