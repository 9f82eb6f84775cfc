import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl_plugins.datasets import block_split


@given(st.integers(1, 400), st.integers(5, 30))
def test_training_and_validation_are_separated_by_a_gap(count, blocks):
    items = range(count)
    train, val = block_split(items, "train", blocks), block_split(items, "val", blocks)
    assert block_split(items, "trainval", blocks) == list(items)
    gap = -(-count // (10 * blocks))
    assert all(abs(a - b) > gap for a in train for b in val)
    left_out = set(items) - {*train, *val}
    assert all(any(abs(i - b) <= gap for b in val) for i in left_out)


def test_one_block_in_five_is_held_out():
    assert block_split(range(100), "val") == [*range(40, 50), *range(90, 100)]
    assert block_split(range(100), "train") == [*range(39), *range(51, 89)]
    assert block_split(range(8), "val", blocks=4, every=2) == [2, 3, 6, 7]


def test_errors():
    with pytest.raises(ValueError, match="blocks=4: one block in 5 is for validation, so at least 5"):
        block_split(range(9), "val", blocks=4)
    with pytest.raises(ValueError, match="unknown split='test': use 'train'"):
        block_split(range(9), "test")
