"""MATLAB files: equal to scipy's reader, and only a DataError for damaged ones."""

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_plugins.files import DataError, read_mat

NUMBERS = {
    dtype: np.arange(12).reshape(3, 4).astype(dtype)
    for dtype in ("float64", "float32", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64")
}


def annotation():
    part = dict(part_name="head", mask=np.eye(3, dtype=np.uint8))
    objects = np.array(
        [({"class": "person", "parts": [part, part]},), ({"class": "dog", "parts": []},)], dtype=[("x", object)]
    )
    return dict(imname="2008_1", objects=[row[0] for row in objects])


def write(path, compressed=True, **content):
    scipy.io.savemat(path, content, do_compression=compressed)
    return path


@pytest.mark.parametrize("compressed", [True, False])
def test_numbers_have_their_type_and_shape(tmp_path, compressed):
    path = write(tmp_path / "a.mat", compressed, big=np.full((2, 3), 70000.0), **NUMBERS)
    found = read_mat(path, [*NUMBERS, "big", "missing"])
    assert set(found) == {*NUMBERS, "big"}
    for name, expected in NUMBERS.items():
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)


@pytest.mark.parametrize("compressed", [True, False])
def test_cells_structs_and_characters(tmp_path, compressed):
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = dict(Boundaries=np.eye(4, dtype=bool)), dict(Boundaries=np.zeros((4, 4), bool))
    path = write(tmp_path / "a.mat", compressed, groundTruth=cell, anno=annotation(), other="text")
    found = read_mat(path, ["groundTruth", "anno"])
    assert set(found) == {"groundTruth", "anno"}
    np.testing.assert_array_equal(found["groundTruth"][0][0]["Boundaries"], np.eye(4))
    assert found["anno"][0]["imname"] == "2008_1"


def test_files_of_the_dataset_equal_scipys(shared):
    for path in sorted((shared("data/bsds500") / "groundTruth" / "val").iterdir())[:5]:
        expected = scipy.io.loadmat(path)["groundTruth"][0]
        found = read_mat(path, ["groundTruth"])["groundTruth"]
        assert len(found) == len(expected)
        for mine, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(mine[0]["Boundaries"], other["Boundaries"][0, 0])
            np.testing.assert_array_equal(mine[0]["Segmentation"], other["Segmentation"][0, 0])


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_files_raise_a_data_error_or_give_values(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("mat") / "a.mat"
    compressed = data.draw(st.booleans())
    content = bytearray(write(path, compressed, anno=annotation(), **NUMBERS).read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_mat(path, ["anno", *NUMBERS])
    except DataError as error:
        assert str(path) in str(error)


def test_other_files_raise(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file" + b" " * 200)
    with pytest.raises(DataError, match="a.mat is not a MATLAB file of version 5 to 7.*save it again with -v7"):
        read_mat(path, ["x"])
    path.write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match="Is it another file, or truncated"):
        read_mat(path, ["x"])
    with pytest.raises(FileNotFoundError):
        read_mat(tmp_path / "missing.mat", ["x"])
