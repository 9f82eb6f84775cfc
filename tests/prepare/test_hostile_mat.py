"""NYUDv2's `.mat` files that are damaged, claim too much or refer to other files: one sentence each."""

import os
import random

import h5py
import numpy as np
import pytest
import scipy.io

from mtl_plugins.datasets import DataError
from mtl_plugins.prepare.nyud_labeled_mat import LabeledMat
from mtl_plugins.prepare.nyud_splits import read_splits

from ..fuzzing import fuzz, mutate, mutations
from .mat_files import SIZE, TYPES, write_sparse_mat

DEPTHS = (2, *SIZE[::-1])


@pytest.fixture
def mat(tmp_path):
    return write_sparse_mat(tmp_path / "a.mat", 2)


def refused(function, path, message):
    with pytest.raises(DataError, match=message) as caught:
        function(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value) and "Expected" in str(caught.value)


@pytest.mark.parametrize("count", [1450, 10**9, 10**12, 2**40])
def test_a_small_file_that_claims_many_images(tmp_path, count):
    path = write_sparse_mat(tmp_path / "a.mat", count)
    assert path.stat().st_size < 5000
    refused(LabeledMat, path, f"claims to have {count:,} images, but NYUDv2 has 1,449")


def external_link(file, folder):
    file["depths"] = h5py.ExternalLink(str(folder / "pipe"), "depths")


def soft_link_to_an_external_link(file, folder):
    file["outside"] = h5py.ExternalLink(str(folder / "pipe"), "depths")
    file["depths"] = h5py.SoftLink("/outside")


def external_storage(file, folder):
    size = 4 * int(np.prod(DEPTHS))
    file.create_dataset("depths", DEPTHS, "f4", external=[(str(folder / "secret"), 0, size)])


def virtual(file, folder):
    layout = h5py.VirtualLayout(DEPTHS, "f4")
    layout[:] = h5py.VirtualSource(str(folder / "pipe"), "depths", DEPTHS)
    file.create_virtual_dataset("depths", layout)


def references(file, folder):
    file.create_dataset("depths", DEPTHS, h5py.ref_dtype)


def texts(file, folder):
    file.create_dataset("depths", DEPTHS, h5py.string_dtype())


def large_chunks(file, folder):
    file.create_dataset("depths", (1000, *DEPTHS[1:]), "f4", chunks=(1000, *DEPTHS[1:]), compression="gzip")


def other_filter(file, folder):
    file.create_dataset("depths", DEPTHS, "f4", compression="lzf")


@pytest.mark.parametrize(
    "change, message",
    [
        (external_link, "depths is a link, possibly to another file"),
        (soft_link_to_an_external_link, "depths is a link"),
        (external_storage, "depths has its values in another file"),
        (virtual, "depths has its values in another file"),
        (references, "depths is object"),
        (texts, "depths is object"),
        (large_chunks, "depths has chunks of 1,229 MB, which do not fit into memory"),
        (other_filter, "depths is compressed in a way that MATLAB does not use"),
        (lambda file, folder: file.create_group("depths"), "has no depths"),
        (lambda file, folder: file.create_dataset("depths", (), "f4"), r"depths is float32 \(\)"),
        (lambda file, folder: file.create_dataset("depths", data=h5py.Empty("f4")), "is damaged"),
    ],
)
def test_fields_that_are_not_in_the_file_or_of_another_kind(mat, tmp_path, change, message):
    os.mkfifo(tmp_path / "pipe")  # opening it would wait forever
    (tmp_path / "secret").write_bytes(b"secret")
    with h5py.File(mat, "r+") as file:
        del file["depths"]
        change(file, tmp_path)
    refused(LabeledMat, mat, message)


def read_all(path):
    mat = LabeledMat(path)
    for field in TYPES:
        mat.read(field, 0, min(mat.step, mat.images))


@fuzz(60)
def test_a_damaged_labeled_mat(tmp_path, mat, trials):
    """Half of the changes are in the first kilobytes, which describe the fields."""
    data, generator, path = mat.read_bytes(), random.Random(0), tmp_path / "damaged.mat"
    faults = 0
    for _ in range(trials):
        start = 0 if generator.random() < 0.5 else 512  # the header of MATLAB is not read
        path.write_bytes(data[:start] + mutate(data[start:], generator))
        try:
            read_all(path)
        except DataError as error:
            faults += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert faults > trials / 4


@pytest.fixture
def splits(tmp_path):
    path = tmp_path / "splits.mat"
    scipy.io.savemat(path, dict(trainNdxs=np.uint16([[1], [2]]), testNdxs=np.uint16([[3]])))
    return path


def test_a_split_that_claims_many_numbers(splits):
    data = splits.read_bytes()
    shape = np.int32([2, 1]).tobytes()
    assert data.count(shape) >= 1
    splits.write_bytes(data.replace(shape, np.int32([10**6, 10**6]).tobytes(), 1))
    refused(read_splits, splits, r"trainNdxs is uint16 of shape \(1000000, 1000000\)")


def test_a_split_of_cells(splits):
    scipy.io.savemat(splits, dict(trainNdxs=np.array([[1, "a"]], object), testNdxs=np.uint16([[3]])))
    refused(read_splits, splits, "trainNdxs is cell")


def test_a_large_split(splits):
    splits.write_bytes(splits.read_bytes() + bytes(2**20))
    refused(read_splits, splits, "it has 1,048,... bytes")


@fuzz(60)
@pytest.mark.parametrize("compressed", [False, True])
def test_a_damaged_split(splits, compressed, trials):
    scipy.io.savemat(splits, read_fields(splits), do_compression=compressed)
    for damaged in mutations(splits.read_bytes(), trials):  # scipy 1.17.1 crashes for about 1 in 1,000
        splits.write_bytes(damaged)
        try:
            read_splits(splits)
        except DataError as error:
            assert str(splits) in str(error) and "\n" not in str(error)


def read_fields(path):
    return {name: value for name, value in scipy.io.loadmat(path).items() if not name.startswith("__")}
