"""Preparation of NYUDv2 from its MAT file, and its error messages."""

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import time
import tracemalloc

import h5py
import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from mtl_plugins.datasets import KINECT_INTRINSICS, DataError, NYUDv2
from mtl_plugins.functional import decode_normals, depth_to_normals
from mtl_plugins.functional.edges import label_boundaries, thin
from mtl_plugins.label_spaces import class_map
from mtl_plugins.prepare import nyud, nyud_png_files
from mtl_plugins.prepare.nyud import prepare_nyud
from mtl_plugins.prepare.nyud_labeled_mat import LabeledMat
from mtl_plugins.prepare.nyud_png_files import encode_raw_depth, encode_valid_depth
from mtl_plugins.prepare.nyud_splits import read_splits

from .mat_files import random_fields, random_instances, write_mat, write_sparse_mat
from .runs import contents, served, slowed

COUNT = 5
ONE = dict(workers=1, progress=False)


@pytest.fixture(scope="module")
def fields():
    return random_fields(COUNT)


@pytest.fixture(scope="module")
def mat(tmp_path_factory, fields):
    return write_mat(tmp_path_factory.mktemp("mat") / "nyu_depth_v2_labeled.mat", fields)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, mat):
    """(folder, summary) of an uninterrupted run with normals."""
    out = tmp_path_factory.mktemp("prepared") / "nyud"
    return out, prepare_nyud(mat, out, normals=True, **ONE)


def png(path):
    return np.asarray(Image.open(path))


def test_edges_from_classes_and_instances(tmp_path, fields):
    """A gap of unlabelled pixels becomes one line in its middle; a folder that has edges keeps them complete."""
    labels, instances = fields["labels"][:2].copy(), random_instances(2)
    labels[labels == 0] = 7
    labels[0], instances[0] = 5, 1
    labels[0, :, 300:310], instances[0, :, 310:] = 0, 2
    some = {name: images[:2] for name, images in fields.items()} | dict(labels=labels)
    mat = write_mat(tmp_path / "labeled.mat", some | dict(instances=instances))
    splits = tmp_path / "splits.mat"
    scipy.io.savemat(splits, dict(trainNdxs=[[1], [2]], testNdxs=[[2]]))
    out = tmp_path / "nyud"
    summary = prepare_nyud(mat, out, splits, edges=True, **ONE)
    assert summary["labels"] == dict(semseg=2, depth=2, edge=2)
    edges = png(out / "edge" / "000001.png")
    assert set(np.unique(edges)) == {0, 255}
    assert (edges[10:-10] > 0).sum(1).max() == 1 and 303 <= np.argmax(edges[240]) <= 306
    ids = labels[1].astype(int) * 256 + instances[1]
    np.testing.assert_array_equal(png(out / "edge" / "000002.png") > 0, thin(label_boundaries(ids)))

    dataset = NYUDv2(out, tasks=["semseg", "edge"])
    assert dataset.label_counts() == dict(semseg=2, edge=2) and dataset[0]["edge"].max() == 1
    assert NYUDv2(out).tasks == ("semseg", "depth", "normals"), "edges are read only if they are named"
    (out / "edge" / "000002.png").unlink()
    assert NYUDv2(out, tasks=["edge"]).label_counts() == dict(edge=1)
    prepare_nyud(mat, out, splits, **ONE)
    assert NYUDv2(out, tasks=["edge"]).label_counts() == dict(edge=2)
    without = write_mat(tmp_path / "old.mat", some)
    with pytest.raises(DataError, match="has no instances"):
        prepare_nyud(without, tmp_path / "other", splits, edges=True, **ONE)


def test_the_files_contain_the_arrays(prepared, fields):
    out, _ = prepared
    lut = class_map("nyud894", "nyud40")
    for i in range(COUNT):
        name = f"{i + 1:06d}.png"
        assert np.array_equal(png(out / "rgb" / name), fields["images"][i])
        assert np.array_equal(png(out / "masks" / name), lut[fields["labels"][i]])
        assert np.array_equal(png(out / "depth_filled" / name), np.rint(fields["depths"][i] * 5000))
        raw, read = fields["rawDepths"][i], png(out / "depth" / name)
        assert read.dtype == np.uint16 and np.array_equal(read, np.where(raw < 10, np.rint(raw * 5000), 0))
        assert (read[:40] == 0).all() and (read[40:80, :40] == 0).all() and (read[80:] > 0).all()
        normals = depth_to_normals(torch.from_numpy(read / np.float32(5000))[None], KINECT_INTRINSICS)
        stored = decode_normals(png(out / "normals" / name))
        np.testing.assert_allclose(stored, normals.permute(1, 2, 0).numpy(), atol=0.01)


def test_lists_contain_the_existing_images_of_the_official_split(prepared):
    out, summary = prepared
    lines = {split: (out / f"{split}.txt").read_text().splitlines() for split in ("train", "val")}
    assert lines["train"][0] == "rgb/000003.png\tmasks/000003.png\tdepth/000003.png\tnormals/000003.png"
    assert [line[4:10] for line in lines["train"] + lines["val"]] == ["000003", "000004", "000005", "000001", "000002"]
    assert not (out / "intrinsics.txt").exists()
    assert summary == json.loads((out / "nyud.json").read_text())
    assert (summary["num_train"], summary["num_val"], summary["images"]) == (3, 2, COUNT)
    assert summary["labels"] == dict(semseg=COUNT, depth=COUNT, normals=COUNT)


def test_the_dataset_reads_the_prepared_files(prepared, fields):
    out, _ = prepared
    sample = NYUDv2(out)[0]
    assert sample["intrinsics"].tolist() == pytest.approx(KINECT_INTRINSICS)
    np.testing.assert_allclose(sample["depth"][0, 80:].numpy(), fields["rawDepths"][2][80:], atol=1.01e-4)
    filled = NYUDv2(out, depth="filled")[0]["depth"]
    np.testing.assert_allclose(filled[0].numpy(), fields["depths"][2], atol=1.01e-4)


def test_the_authors_frames_are_reproduced_exactly(shared, tmp_path):
    samples = shared("data/nyud_samples")
    frames = ("000433", "000464")
    lut = class_map("nyud894", "nyud40")
    raw_of = np.array([np.flatnonzero(lut[:895] == n)[-1] for n in range(40)] + [0] * 216, np.uint16)
    images, masks, depths = (
        np.stack([png(samples / f"{kind}{name}.png") for name in frames]) for kind in ("", "segm_gt_", "depth_gt_")
    )
    raw = depths.astype(np.float32) / np.float32(5000)
    mat = write_mat(
        tmp_path / "two.mat", dict(images=images, labels=raw_of[masks], depths=raw.clip(0.7), rawDepths=raw)
    )
    prepare_nyud(mat, tmp_path / "out", **ONE)
    for i, name in enumerate(("000001.png", "000002.png")):
        for folder, wanted in dict(rgb=images, masks=masks, depth=depths).items():
            assert np.array_equal(png(tmp_path / "out" / folder / name), wanted[i])


@pytest.mark.parametrize("workers, chunk", [(1, 3), (3, 1)])
def test_the_files_do_not_depend_on_workers_and_chunks(prepared, fields, tmp_path, workers, chunk):
    mat = write_mat(tmp_path / "other.mat", fields, chunk)
    prepare_nyud(mat, tmp_path / "out", normals=True, workers=workers, progress=False)
    found, wanted = contents(tmp_path / "out"), contents(prepared[0])
    if mat.stat().st_size != json.loads(wanted["nyud.json"])["bytes"]:
        del found["nyud.json"], wanted["nyud.json"]
    assert found == wanted


def test_a_run_killed_ten_times_resumes_to_the_same_result(prepared, mat, tmp_path, monkeypatch):
    def written():
        return len(list(tmp_path.rglob("*.png")))

    monkeypatch.setattr(nyud_png_files, "write_png", slowed(nyud_png_files.write_png, 0.05))
    rng, seen = np.random.default_rng(0), set()
    for _ in range(10):
        enough, began = written() + rng.integers(3), time.time()
        process = multiprocessing.get_context("fork").Process(
            target=prepare_nyud, args=(mat, tmp_path), kwargs=dict(normals=True, workers=2, progress=False)
        )
        process.start()
        while process.is_alive() and written() < enough and time.time() < began + 20:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)  # the workers are not killed
        process.join()
        seen.add(written())
    assert len(seen) > 3 and max(seen) > min(seen) + 5
    assert not (tmp_path / "nyud.json").exists(), "finished before it was killed ten times"
    prepare_nyud(mat, tmp_path, normals=True, workers=2, progress=False)
    assert contents(tmp_path) == contents(prepared[0])


def test_only_missing_files_are_written_again(prepared, mat, tmp_path, monkeypatch):
    out, summary = shutil.copytree(prepared[0], tmp_path / "out"), prepared[1]
    (out / "masks" / "000002.png").unlink()
    (out / "depth_filled" / "000004.png").write_bytes(b"")
    truncated = out / "rgb" / "000005.png"
    truncated.write_bytes(truncated.read_bytes()[:-20])
    written, write = [], nyud_png_files.write_png
    monkeypatch.setattr(
        nyud_png_files, "write_png", lambda path, array: written.append(path.name) or write(path, array)
    )
    assert prepare_nyud(mat, out, **ONE) == summary, "the existing normals are continued"
    assert sorted(written) == ["000002.png", "000004.png", "000005.png"] and contents(out) == contents(prepared[0])
    monkeypatch.setattr(nyud, "run_jobs", None)
    assert prepare_nyud(mat, out, **ONE) == summary


def test_normals_can_be_added_later(prepared, mat, tmp_path):
    prepare_nyud(mat, tmp_path, **ONE)
    assert not (tmp_path / "normals").exists()
    assert (tmp_path / "train.txt").read_text().splitlines()[0] == "rgb/000003.png\tmasks/000003.png\tdepth/000003.png"
    prepare_nyud(mat, tmp_path, normals=True, **ONE)
    assert contents(tmp_path) == contents(prepared[0])


def test_another_split(prepared, mat, tmp_path, capsys):
    def write(**numbers):
        scipy.io.savemat(tmp_path / "splits.mat", {k: np.array(v, np.uint16)[:, None] for k, v in numbers.items()})
        return tmp_path / "splits.mat"

    out = tmp_path / "out"
    prepare_nyud(mat, out, write(trainNdxs=[4, 2, 1400], testNdxs=[1401]), workers=1)
    assert [line[4:10] for line in (out / "train.txt").read_text().splitlines()] == ["000004", "000002"]
    assert (out / "val.txt").read_text() == ""
    printed = capsys.readouterr().out
    assert "has 5 images, but the official file has 1449" in printed
    assert "train 2 of 3, val 0 of 1; val.txt is empty" in printed and printed.count("note:") == 1
    prepare_nyud(mat, out, write(trainNdxs=[1, 2], testNdxs=[2, 3]), workers=1)
    assert "1 images (2) are in both train and val" in capsys.readouterr().out
    summary = prepare_nyud(mat, out, write(trainNdxs=[1], testNdxs=[2, 3]), **ONE)
    assert (summary["num_train"], summary["num_val"]) == (1, 2), "other lists over the same images"


def test_the_official_split(tmp_path):
    """The hashes are of `trainNdxs` and `testNdxs` in the authors' splits.mat, as 16-bit numbers."""
    official = read_splits()
    assert {split: len(numbers) for split, numbers in official.items()} == dict(train=795, val=654)
    assert [hashlib.sha256(np.uint16(official[split]).tobytes()).hexdigest() for split in ("train", "val")] == [
        "3e06f93e72a123ac410290a2cd39492ab1db8f922e19871ef292ba6f5048c30e",
        "2eeec7e27c622efec02adeaeb4b46566781fffd5e057d100ee98ca977cf0d0a5",
    ]
    columns = {"trainNdxs": np.uint16(official["train"])[:, None], "testNdxs": np.uint16(official["val"])[:, None]}
    scipy.io.savemat(tmp_path / "splits.mat", columns)
    assert read_splits(tmp_path / "splits.mat") == official


@pytest.mark.parametrize(
    "numbers, message",
    [
        (dict(trainNdxs=[1]), "it has no testNdxs"),
        (dict(trainNdxs=[0, 1], testNdxs=[2]), "trainNdxs must contain integers from 1"),
        (dict(trainNdxs=[1.5], testNdxs=[2]), "trainNdxs must contain integers"),
        (dict(trainNdxs=[1], testNdxs=[2, 2]), "testNdxs contains a number twice"),
        (None, "splits.mat is not a splits.mat"),
    ],
)
def test_invalid_splits_raise(tmp_path, numbers, message):
    path = tmp_path / "splits.mat"
    path.write_bytes(b"no mat") if numbers is None else scipy.io.savemat(path, numbers)
    with pytest.raises(DataError, match=message):
        read_splits(path)
    with pytest.raises(FileNotFoundError, match="gone.mat.*official split"):
        read_splits(tmp_path / "gone.mat")


def test_a_class_mapping_given_as_splits_raises(tmp_path):
    scipy.io.savemat(tmp_path / "classMapping40.mat", dict(mapClass=np.ones((1, 894), np.uint8)))
    with pytest.raises(DataError, match="classMapping40.mat is not a splits.mat: it has no trainNdxs"):
        read_splits(tmp_path / "classMapping40.mat")


def change(path, fields, **changes):
    return write_mat(path, {name: value for name, value in (fields | changes).items() if value is not None})


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(rawDepths=None, labels=None), "has no labels, rawDepths; it contains: accelData, depths, images."),
        (dict(depths=lambda x: x.transpose(0, 2, 1)), r"depths is float32 \(5, 480, 640\), but \(N, 640, 480\) of"),
        (dict(images=lambda x: x.astype(np.uint16)), "images is uint16 .*of uint8 is expected"),
        (dict(images=lambda x: x[..., :1]), r"images is uint8 \(5, 1, 640, 480\)"),
        (dict(labels=lambda x: x.astype(np.float32)), "labels is float32 .*of uint16 is expected"),
        (dict(depths=lambda x: x[:3]), "images 5, labels 5, depths 3, rawDepths 5"),
    ],
)
def test_wrong_fields_raise(tmp_path, fields, changes, message):
    changes = {name: by and by(fields[name]) for name, by in changes.items()}
    path = change(tmp_path / "bad.mat", fields, **changes)
    with pytest.raises(DataError, match=f"bad.mat.*{message}.*Expected nyu_depth_v2_labeled.mat .*--download"):
        prepare_nyud(path, tmp_path / "out", **ONE)
    assert not (tmp_path / "out").exists()


def test_an_unknown_class_raises(tmp_path, fields):
    labels = fields["labels"].copy()
    labels[1, 0, 0] = 895
    path = change(tmp_path / "bad.mat", fields, labels=labels)
    with pytest.raises(DataError, match="bad.mat: image 2: the labels range from .* to 895, but NYUDv2 has 0 … 894"):
        prepare_nyud(path, tmp_path / "out", **ONE)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is not an HDF5 file"),
        (b"<html>404</html>", "is not an HDF5 file"),
        (b"MATLAB 7.3 MAT-file", "is not an HDF5 file"),
        (None, "is truncated or damaged .*truncated file"),
    ],
)
def test_missing_or_truncated_file(tmp_path, mat, content, message):
    path = tmp_path / "bad.mat"
    path.write_bytes(mat.read_bytes()[:-100_000] if content is None else content)
    with pytest.raises(DataError, match=rf"bad.mat \([\d,]+ bytes\) {message}"):
        prepare_nyud(path, tmp_path / "out", **ONE)
    with pytest.raises(FileNotFoundError, match="file .*gone.mat does not exist. Download http"):
        prepare_nyud(tmp_path / "gone.mat", tmp_path / "out", **ONE)


def test_a_split_file_given_as_mat_file_raises(tmp_path):
    scipy.io.savemat(tmp_path / "splits.mat", dict(trainNdxs=[1], testNdxs=[2]))
    with pytest.raises(DataError, match="splits.mat .* is a MATLAB file of the older format.*use --splits"):
        prepare_nyud(tmp_path / "splits.mat", tmp_path / "out", **ONE)


def test_a_damaged_file_raises(tmp_path, mat):
    path = tmp_path / "bad.mat"
    data = bytearray(mat.read_bytes())
    with h5py.File(mat) as file:
        at = file["depths"].id.get_chunk_info(3).byte_offset + 512
    data[at : at + 200] = bytes(200)
    path.write_bytes(data)
    with pytest.raises(DataError, match="bad.mat is damaged: depths of the images 4 to 4 cannot be read"):
        prepare_nyud(path, tmp_path / "out", **ONE)


def test_a_folder_with_other_content_raises(prepared, tmp_path, fields):
    other = change(tmp_path / "other.mat", fields, depths=fields["depths"] + np.float32(0.1))
    with pytest.raises(ValueError, match="contains another NYUDv2 dataset: bytes"):
        prepare_nyud(other, prepared[0], **ONE)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="not empty and contains no NYUDv2 dataset"):
        prepare_nyud(other, tmp_path / "mine", **ONE)
    with pytest.raises(ValueError, match="workers=0"):
        prepare_nyud(other, tmp_path / "out", workers=0)


def test_invalid_depth():
    metres = np.array([0, -1, np.nan, np.inf, 9.9999, 10, 13.1, 13.2, 0.00009], np.float32)
    assert encode_valid_depth(metres).tolist() == [0, 0, 0, 0, 50000, 50000, 65500, 0, 0]
    assert encode_raw_depth(metres).tolist() == [0, 0, 0, 0, 50000, 0, 0, 0, 0]


def test_memory_does_not_grow_with_the_file(tmp_path):
    """One complete field has 74 MB, and a chunk spans the complete file."""
    path = write_sparse_mat(tmp_path / "sparse.mat", 60, chunk=60)
    assert LabeledMat(path).step <= 8
    tracemalloc.start()
    summary = prepare_nyud(path, tmp_path / "out", **ONE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert summary["images"] == 60 and summary["labels"] == dict(semseg=0, depth=0)
    assert peak < 40e6


def test_the_command(mat, tmp_path, run_tool, capsys):
    with pytest.raises(ValueError, match="download http://.*nyu_depth_v2_labeled.mat .2.8 GB, no login.*--download"):
        run_tool("prepare_dataset", "nyud")
    run_tool("prepare_dataset", "nyud", "--labeled-mat", mat, "--workers", 1)
    printed = capsys.readouterr().out
    assert "train 3, val 2; labels: semseg 5, depth 5; depth 0." in printed and "otherprop" in printed
    assert len(NYUDv2(tmp_path / "data" / "nyud", "val")) == 2, "the presets' folder"


def test_the_command_downloads_the_file(prepared, mat, tmp_path, run_tool, monkeypatch):
    out = tmp_path / "data" / "nyud"
    with served(mat.parent) as url:
        monkeypatch.setattr(nyud, "URL", f"{url}/{mat.name}")
        monkeypatch.setattr(nyud, "BYTES", mat.stat().st_size)
        monkeypatch.setattr(nyud, "MD5", "0" * 32)
        with pytest.raises(DataError, match="md5 of data/nyu_depth_v2_labeled.mat.part is"):
            run_tool("prepare_dataset", "nyud", "--download")
        monkeypatch.setattr(nyud, "MD5", hashlib.md5(mat.read_bytes()).hexdigest())
        run_tool("prepare_dataset", "nyud", "--download", "--normals", "--workers", 1)
        assert (out.parent / mat.name).read_bytes() == mat.read_bytes()
        assert contents(out) == contents(prepared[0])
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.tex").write_text("mine")
        monkeypatch.setattr(nyud, "download", None)  # no download for a folder that is rejected
        with pytest.raises(ValueError, match="not empty"):
            run_tool("prepare_dataset", "nyud", "--download", "--out", "mine")


def test_an_unfinished_preparation_of_another_file_is_replaced(prepared, mat, fields, tmp_path, monkeypatch):
    other, out = (
        write_mat(tmp_path / "other.mat", {name: array[:2] for name, array in fields.items()}),
        tmp_path / "out",
    )
    monkeypatch.setattr(nyud, "write_text", None)  # fails after the images
    with pytest.raises(TypeError):
        prepare_nyud(other, out, normals=True, **ONE)
    monkeypatch.undo()
    assert (out / "rgb" / "000001.png").exists() and other.stat().st_size != mat.stat().st_size
    (out / "rgb" / "000001.png").write_bytes((out / "masks" / "000001.png").read_bytes())  # an image of other content
    prepare_nyud(mat, out, normals=True, **ONE)
    assert contents(out) == contents(prepared[0])
