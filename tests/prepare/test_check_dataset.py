"""Preparation of datasets that are only checked: KITTI's semantic benchmark, KITTI-6 and Cityscapes."""

import errno
import json
import shutil

import numpy as np
import pytest

from mtl_plugins.datasets import KITTI6, Cityscapes, DataError, KITTISemantic
from mtl_plugins.files import atomic_write as files
from mtl_plugins.prepare import check_dataset, cityscapes, kitti6, kitti_semantic
from mtl_plugins.prepare.cityscapes import prepare_cityscapes
from mtl_plugins.prepare.kitti6 import prepare_kitti6
from mtl_plugins.prepare.kitti_semantic import prepare_kitti_semantic

from ..datasets.data_files import SIZE, random_image, write_png
from ..datasets.driving_files import write_cityscapes, write_kitti6, write_kitti_semantic
from .runs import contents, kill, served, slowed, zipped

ONE = dict(workers=1, progress=False)
SETS = dict(
    kitti_semantic=(write_kitti_semantic, prepare_kitti_semantic, "training/semantic/00000{}_10.png"),
    kitti6=(write_kitti6, prepare_kitti6, "masks/00000{}.png"),
    cityscapes=(
        write_cityscapes,
        prepare_cityscapes,
        "gtFine/train/aachen/aachen_00000{}_000019_gtFine_labelIds.png",
    ),
)


@pytest.fixture(params=SETS)
def prepared(request, tmp_path):
    """(root, preparer, pattern of label files, name) of each set."""
    write, prepare, labels = SETS[request.param]
    return write(tmp_path / "set"), prepare, labels, request.param


def test_a_second_run_keeps_the_summary_and_opens_nothing(prepared, monkeypatch):
    root, prepare, _, name = prepared
    before = contents(root)
    summary = prepare(root, **ONE)
    after = contents(root)
    assert {path: data for path, data in after.items() if path != f"{name}.json"} == before
    assert json.loads(after[f"{name}.json"]) == summary
    monkeypatch.setattr(check_dataset, "_check_sample", None)
    assert prepare(root, **ONE) == summary and contents(root) == after


def test_the_summary_does_not_depend_on_workers(prepared, tmp_path):
    root, prepare, _, name = prepared
    assert prepare(root, **ONE) == prepare(root, out=tmp_path / "out", workers=3, progress=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{name}.json"]


def test_all_faults_are_reported_at_once_and_only_they_are_checked_again(prepared, monkeypatch):
    root, prepare, labels, name = prepared
    first, second = root / labels.format(0), root / labels.format(1)
    content = second.read_bytes()
    write_png(first, np.full(SIZE, 77, np.uint8))
    second.write_bytes(content[:-9])
    with pytest.raises(DataError) as caught:
        prepare(root, **ONE)
    message = str(caught.value)
    assert "2 of " in message and "again" in message
    assert f"{first} contains class id 77" in message and f"cannot decode {second}" in message
    assert not (root / f"{name}.json").exists()
    checked, check = [], check_dataset._check_sample
    monkeypatch.setattr(
        check_dataset, "_check_sample", lambda single: checked.append(single.samples[0]) or check(single)
    )
    write_png(first, np.zeros(SIZE, np.uint8))
    second.write_bytes(content)
    prepare(root, **ONE)
    assert [sample.labels["semseg"] for sample in checked] == [first, second]
    assert not (root / f"{name}.checked.jsonl").exists()


def test_a_label_of_another_size_than_its_image(prepared):
    root, prepare, labels, _ = prepared
    write_png(root / labels.format(1), np.zeros((5, 7), np.uint8))
    with pytest.raises(DataError, match=r"(?s)1 of .*the semseg label is 5×7 \(H×W\) but its image is 24×32"):
        prepare(root, **ONE)


def test_removed_and_added_files_are_detected(prepared):
    root, prepare, labels, _ = prepared
    before = prepare(root, **ONE)
    (root / labels.format(1)).unlink()
    assert prepare(root, **ONE)["labels"]["semseg"] == before["labels"]["semseg"] - 1


def test_a_run_killed_at_any_moment_resumes_to_the_same_result(prepared, monkeypatch):
    root, prepare, _, _ = prepared
    prepare(root, **ONE)
    expected = contents(root)
    next(root.glob("*.json")).unlink()
    monkeypatch.setattr(check_dataset, "_check_sample", slowed(check_dataset._check_sample))
    at_work = [kill(lambda: prepare(root, workers=2, progress=False), 0.05 + 0.02 * i) for i in range(6)]
    assert any(at_work)
    with open(next(root.glob("*.jsonl"), root / f"{prepared[3]}.checked.jsonl"), "ab") as journal:
        journal.write(b'\n["cut o')  # the worst state after a kill
    prepare(root, **ONE)
    assert contents(root) == expected


def test_full_disk(prepared, monkeypatch):
    root, prepare, _, name = prepared

    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *args):
            pass

        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "open", lambda path, mode: path.touch() or Full(), raising=False)
    with pytest.raises(OSError, match="disk is full") as caught:
        prepare(root, **ONE)
    assert (
        caught.value.errno == errno.ENOSPC and not (root / f"{name}.json").exists() and not list(root.glob(".saving-*"))
    )
    monkeypatch.undo()
    prepare(root, **ONE)


def test_read_only_folder(prepared, tmp_path, monkeypatch):
    root, prepare, _, name = prepared
    monkeypatch.setattr(check_dataset.os, "access", lambda path, mode: path != root)
    with pytest.raises(PermissionError, match=f"{name}.json is written there: set another folder with --out"):
        prepare(root, **ONE)
    prepare(root, out=tmp_path / "out", **ONE)
    assert (tmp_path / "out" / f"{name}.json").exists()


def test_counts_and_sizes(tmp_path, capsys):
    root = write_kitti_semantic(tmp_path)
    write_png(root / "training/image_2/000000_10.png", random_image(0, (26, 36)))
    write_png(root / "training/semantic/000000_10.png", np.full((26, 36), 7, np.uint8))
    summary = prepare_kitti_semantic(root, workers=1)
    assert summary["num_trainval"] == summary["num_test"] == 6 and summary["labels"] == dict(semseg=6)
    assert summary["sizes"] == {"24 x 32": 11, "26 x 36": 1}
    assert abs(sum(summary["share"].values()) + summary["void"] - 1) < 1e-9 and summary["share"]["road"] > 0.1
    printed = capsys.readouterr().out
    assert "images of trainval: 6 found, but the complete official KITTI semantic has 200" in printed
    assert "images/s" in printed and "Sizes: 24 x 32, 26 x 36" in printed

    summary = prepare_cityscapes(write_cityscapes(tmp_path / "cities"), workers=1)
    assert [summary[f"num_{split}"] for split in ("train", "val", "test")] == [3, 2, 1]
    assert summary["labels"] == dict(semseg=5, depth=6) and summary["intrinsics"] == 6
    assert 0 < summary["depth_range"][0] < summary["depth_range"][1]
    assert "train: 3 found, but the complete official Cityscapes has 2975" in capsys.readouterr().out


def test_kitti6_lists_and_scale(tmp_path):
    root = write_kitti6(tmp_path)
    assert prepare_kitti6(root, **ONE)["num_trainval"] == 6
    (root / "train.txt").write_text("rgb/000000.png\tmasks/000000.png\n")
    (root / "val.txt").write_text("rgb/000001.png\tmasks/000001.png\tdepth/000001.png\n")
    by_256, by_800 = (prepare_kitti6(root, depth_scale=scale, **ONE) for scale in (256, 800))
    assert by_256["num_train"] == by_256["num_val"] == by_256["labels"]["depth"] == 1
    assert by_256["depth_range"][1] == pytest.approx(by_800["depth_range"][1] * 800 / 256)
    assert KITTI6(root).depth_scale == 800 and KITTI6(root, depth_scale=256).depth_scale == 256


def test_kitti6_depth_beyond_the_scanners_range(tmp_path, capsys):
    root = write_kitti6(tmp_path)
    path = root / "depth" / "000001.png"
    write_png(path, np.full(SIZE, 40 * 800, np.uint16))  # the authors' 40 m
    prepare_kitti6(root, workers=1)
    assert "depth reaches 125 m" in (printed := capsys.readouterr().out) and "--depth-scale 800" in printed
    prepare_kitti6(root, depth_scale=800, workers=1)
    assert "depth reaches" not in capsys.readouterr().out


def test_an_unknown_colour(tmp_path):
    root = write_kitti6(tmp_path)
    write_png(root / "masks/000002.png", np.full((*SIZE, 3), (1, 2, 3), np.uint8))
    with pytest.raises(DataError, match=r"(?s)1 of 6 .*000002.png has the colour RGB \(1, 2, 3\) at row 0, column 0"):
        prepare_kitti6(root, **ONE)


@pytest.mark.parametrize("given", ["zips", "folder of zips"])
def test_cityscapes_from_its_archives(tmp_path, given):
    root, downloads = write_cityscapes(tmp_path / "complete"), tmp_path / "downloads"
    downloads.mkdir()
    expected, archives = contents(root), []
    for kind in ("leftImg8bit", "gtFine", "disparity", "camera"):
        part = tmp_path / kind
        shutil.move(root / kind, part / kind)
        (part / "license.txt").write_text("terms")
        archives.append(zipped(part, downloads / f"{kind}_trainvaltest.zip"))
    summary = prepare_cityscapes(archives if given == "zips" else downloads, **ONE)
    out = downloads / "cityscapes" if given == "zips" else downloads
    found = {path: data for path, data in contents(out).items() if not path.endswith((".zip", ".json"))}
    assert found == {path: data for path, data in expected.items() if not path.endswith(".json")}
    assert Cityscapes(out).label_counts() == dict(semseg=3, depth=3) and summary["intrinsics"] == 6
    archives[1].write_bytes(archives[1].read_bytes()[:-200])
    with pytest.raises(DataError, match=r"gtFine_trainvaltest.zip is damaged.*kept"):
        prepare_cityscapes(archives, tmp_path / "again", **ONE)


def test_cityscapes_explains_what_to_download(tmp_path, capsys):
    with pytest.raises(FileNotFoundError, match=r"cityscapes-dataset.com.*login.*leftImg8bit_trainvaltest.zip.*gtFine"):
        prepare_cityscapes(tmp_path, **ONE)
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        prepare_cityscapes(tmp_path / "nowhere", **ONE)
    root = write_cityscapes(tmp_path / "set")
    shutil.rmtree(root / "camera")
    with pytest.raises(FileNotFoundError, match="camera_trainvaltest.zip"):
        prepare_cityscapes(root, **ONE)
    assert prepare_cityscapes(root, depth="disparity", **ONE)["labels"] == dict(semseg=5, disparity=6)
    shutil.rmtree(root / "disparity")
    assert prepare_cityscapes(root, workers=1)["labels"] == dict(semseg=5, depth=0)
    assert "no depth: disparity_trainvaltest.zip and camera_trainvaltest.zip" in capsys.readouterr().out


def test_kitti_semantic_from_the_server(tmp_path, monkeypatch):
    write_kitti_semantic(tmp_path / "official")
    (tmp_path / "server").mkdir()
    zipped(tmp_path / "official", tmp_path / "server" / "data_semantics.zip")
    root = tmp_path / "root"
    with served(tmp_path / "server") as url:
        monkeypatch.setattr(kitti_semantic, "URL", url)
        with pytest.raises(FileNotFoundError, match=r"training/image_2 does not exist.*data_semantics.zip.*--download"):
            prepare_kitti_semantic(tmp_path / "server" / "..", **ONE)
        summary = prepare_kitti_semantic(root, fetch=True, **ONE)
    assert summary["labels"] == dict(semseg=6) and len(KITTISemantic(root)) == 5
    assert not (root / "training/semantic_rgb").exists() and not (root / "training/instance").exists()
    (root / "data_semantics.zip").unlink()
    assert prepare_kitti_semantic(root, fetch=True, **ONE) == summary, "nothing is fetched twice"


def test_an_archive_of_another_dataset(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("mine")
    archive = zipped(tmp_path / "other", tmp_path / "data_semantics.zip")
    with pytest.raises(DataError, match="contains no file of this dataset"):
        prepare_kitti_semantic([archive], **ONE)
    with pytest.raises(ValueError, match="one folder or several archives"):
        prepare_kitti_semantic([archive, tmp_path], **ONE)


@pytest.mark.parametrize("module", [kitti_semantic, kitti6, cityscapes], ids=lambda module: module.NAME)
def test_the_command_prepares_what_the_dataset_reads(run_tool, tmp_path, module, capsys):
    write, _, _ = SETS[module.NAME]
    root = write(tmp_path / "set")
    run_tool("prepare_dataset", module.NAME.replace("_", "-"), "--root", root, "--workers", 1)
    assert f"{root}: " in capsys.readouterr().out and (root / f"{module.NAME}.json").exists()
    dataset = dict(kitti_semantic=KITTISemantic, kitti6=KITTI6, cityscapes=Cityscapes)[module.NAME]
    assert len(dataset(root)) > 1
