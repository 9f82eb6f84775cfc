"""Tests of mtl_plugins.visualization.grid_columns."""

import pytest

from mtl_plugins.visualization.grid_columns import grid_columns


@pytest.mark.parametrize("most", [1, 2, 3, 4])
@pytest.mark.parametrize("panels", range(1, 14))
def test_as_few_rows_as_possible_with_the_fewest_empty_cells(panels, most):
    columns = grid_columns(panels, most)
    empty = {
        wide: -(-panels // wide) * wide - panels
        for wide in range(1, most + 1)
        if -(-panels // wide) == -(-panels // most)
    }
    assert empty[columns] == min(empty.values())


def test_no_panels():
    assert grid_columns(0, 3) == 1
