"""`mtl prepare kitti-depth` writes what `KITTIDepth` reads."""

import errno
import json
import shutil

import pytest
import torch

from mtl_plugins.cli.prepare import parse_args
from mtl_plugins.datasets import DataError, KITTIDepth
from mtl_plugins.datasets.kitti import read_frame_list
from mtl_plugins.files import atomic_write as files
from mtl_plugins.prepare import kitti_depth, kitti_depth_sources, kitti_frame_check
from mtl_plugins.prepare.kitti_depth import prepare_kitti_depth

from ..contracts.dataset_contract import DatasetContract
from ..datasets.driving_files import CAMERAS, DATE, DRIVES, FRAMES, write_kitti
from .runs import contents, kill, served, slowed, zipped

ONE = dict(workers=1, progress=False)
ABSENT = f"{DATE}/{DATE}_drive_0099_sync 5 l\n"
EIGEN = f"{DATE}/{DRIVES['train']} 0000000006 l\n{DATE}/{DRIVES['val']} 4 l\n{DATE}/{DRIVES['train']} 0000000005 r\n"
COUNT = len(FRAMES) * len(CAMERAS)  # frames with depth of a split


@pytest.fixture
def data(tmp_path):
    return write_kitti(tmp_path / "kitti")


@pytest.fixture
def roots(data):
    return data / "raw", data / "depth"


@pytest.fixture
def eigen(tmp_path):
    (tmp_path / "test_files.txt").write_text(EIGEN + ABSENT)
    return dict(eigen_test=tmp_path / "test_files.txt")


class TestOfIndex(DatasetContract):
    @pytest.fixture
    def config(self, roots, tmp_path):
        prepare_kitti_depth(*roots, tmp_path / "out", **ONE)
        return dict(type="KITTIDepth", data_root=str(tmp_path / "out"))


@pytest.mark.parametrize("depth", ["improved", "lidar"])
@pytest.mark.parametrize("split", ["train", "val"])
def test_index_and_search_find_the_same_frames(data, roots, tmp_path, split, depth):
    summary = prepare_kitti_depth(*roots, tmp_path / "out", **ONE)
    assert summary[f"num_{split}"] == COUNT
    ours, theirs = (KITTIDepth(root, split, depth=depth) for root in (tmp_path / "out", data))
    assert ours.samples == theirs.samples and len(ours) == COUNT
    assert torch.equal(ours[4]["depth"], theirs[4]["depth"])
    assert torch.equal(ours[4]["intrinsics"], theirs[4]["intrinsics"])


def test_eigen_split(roots, tmp_path, eigen, capsys):
    out = tmp_path / "out"
    summary = prepare_kitti_depth(*roots, out, eigen, workers=1)
    assert summary["lists"]["eigen_test"] == dict(frames=3, improved=2, scans=2, left_out=1)
    assert summary["images"] == 2 * COUNT + 1
    printed = capsys.readouterr().out
    assert "eigen_test: 3 frames, 2 with improved depth, 2 with a laser scan; 1 left out: no images of" in printed
    assert f"no images of {DATE}/{DATE}_drive_0099_sync in the raw data" in printed
    assert "images of eigen_test" not in printed, "it is not the official list"
    assert "images of train: 6 found, but the complete official KITTI depth has 85898" in printed
    assert "frames/s" in printed and "depth 1." in printed
    assert len(KITTIDepth(out, "eigen_test")) == 2
    assert len(KITTIDepth(out, "eigen_test", depth="lidar", cameras=(3,))) == 1
    assert len(KITTIDepth(out, "eigen_test", labelled_only=False)) == 3
    with pytest.raises(
        FileNotFoundError, match="eigen_train.txt does not exist; existing splits: eigen_test, train, val"
    ):
        KITTIDepth(out, "eigen_train")
    # later runs keep the list, and include frames whose data was added
    drive = roots[0] / DATE / f"{DATE}_drive_0099_sync"
    shutil.copytree(roots[0] / DATE / DRIVES["val"], drive)
    summary = prepare_kitti_depth(*roots, out, **ONE)
    assert summary["lists"]["eigen_test"] == dict(frames=4, improved=2, scans=3, left_out=0)


def test_the_list_of_the_eigen_split_is_included(roots, tmp_path):
    frames = list(read_frame_list(kitti_depth.OFFICIAL_EIGEN_TEST))
    assert len(frames) == len(set(frames)) == kitti_depth.KNOWN_EIGEN_TEST["num_eigen_test"]
    assert len({frame.drive for frame in frames}) == 28 and {frame.camera for frame in frames} == {2}
    words = ["kitti-depth", "--raw", str(roots[0]), "--depth", str(roots[1])]
    assert parse_args([*words, "--eigen-test"]).eigen_test == kitti_depth.OFFICIAL_EIGEN_TEST
    assert parse_args([*words, "--eigen-test", "FILE"]).eigen_test == "FILE"
    assert parse_args(words).eigen_test is None
    with pytest.raises(DataError, match="0000000069"):  # its first frame: the drive is in the raw data, the image not
        prepare_kitti_depth(*roots, tmp_path / "out", dict(eigen_test=kitti_depth.OFFICIAL_EIGEN_TEST), **ONE)


def test_a_second_run_opens_nothing(roots, tmp_path, eigen, monkeypatch):
    out = tmp_path / "out"
    summary = prepare_kitti_depth(*roots, out, eigen, check=True, **ONE)
    assert summary["opened"]["frames"] == 2 * COUNT + 1 and summary["opened"]["sizes"] == {"24 x 32": 2 * COUNT + 1}
    before = contents(out)
    assert json.loads(before["kitti_depth.json"]) == summary
    monkeypatch.setattr(kitti_depth, "check_frames", None)
    assert prepare_kitti_depth(*roots, out, check=True, **ONE) == summary and contents(out) == before


def test_the_index_does_not_depend_on_workers(roots, tmp_path, eigen):
    for name, workers in (("a", 1), ("b", 3)):
        prepare_kitti_depth(*roots, tmp_path / name, eigen, check=True, workers=workers, progress=False)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_run_killed_at_any_moment_resumes_to_the_same_result(data, roots, tmp_path, eigen, monkeypatch):
    archive = zipped(data / "depth", tmp_path / "data_depth_annotated.zip")
    prepare_kitti_depth(roots[0], archive, tmp_path / "expected", eigen, check=True, **ONE)
    out, options = tmp_path / "out", dict(check=True, workers=2, progress=False)
    monkeypatch.setattr(kitti_frame_check, "_open", slowed(kitti_frame_check._open, 0.03))
    monkeypatch.setattr(files.os, "replace", slowed(files.os.replace, 0.003))
    at_work = [
        kill(lambda: prepare_kitti_depth(roots[0], archive, out, eigen, **options), 0.03 + 0.04 * i) for i in range(7)
    ]
    assert any(at_work)
    prepare_kitti_depth(roots[0], archive, out, eigen, **options)
    own, expected = (contents(folder) for folder in (out, tmp_path / "expected"))
    own["kitti_depth.json"], expected["kitti_depth.json"] = (
        found["kitti_depth.json"].replace(str(folder).encode(), b"OUT")
        for found, folder in ((own, out), (expected, tmp_path / "expected"))
    )
    assert own == expected


def test_an_incomplete_index_raises(roots, tmp_path, monkeypatch):
    monkeypatch.setattr(kitti_depth, "check_frames", None)
    with pytest.raises(TypeError):
        prepare_kitti_depth(*roots, tmp_path / "out", **ONE)
    assert (tmp_path / "out" / "train.txt").exists()
    with pytest.raises(DataError, match="preparation of .* was interrupted"):
        KITTIDepth(tmp_path / "out")


def test_damaged_files_are_reported(roots, tmp_path):
    raw, depth = roots
    image = raw / DATE / DRIVES["train"] / "image_02/data/0000000005.png"
    scan = raw / DATE / DRIVES["val"] / "velodyne_points/data/0000000007.bin"
    complete = image.read_bytes(), scan.read_bytes()
    image.write_bytes(complete[0][:-20]), scan.write_bytes(complete[1][:-2])
    prepare_kitti_depth(*roots, tmp_path / "quick", **ONE)
    with pytest.raises(DataError) as caught:
        prepare_kitti_depth(*roots, tmp_path / "out", check=True, **ONE)
    message = str(caught.value)
    assert "3 of 4 drives are invalid" in message, "both cameras share the scan"
    assert f"cannot decode {image}" in message and f"{scan} (" in message
    image.write_bytes(complete[0]), scan.write_bytes(complete[1])
    assert prepare_kitti_depth(*roots, tmp_path / "out", check=True, **ONE)["checked"]


def test_missing_images(roots, tmp_path):
    raw, _ = roots
    folder = raw / DATE / DRIVES["train"] / "image_02/data"
    for frame in FRAMES[:2]:
        (folder / f"{frame:010d}.png").unlink()
    with pytest.raises(DataError, match=r"(?s)2 images of frames .*image_02/data/0000000005.png.*_sync.zip"):
        prepare_kitti_depth(*roots, tmp_path / "out", **ONE)
    shutil.rmtree(folder)
    summary = prepare_kitti_depth(*roots, tmp_path / "out", **ONE)
    assert summary["lists"]["train"] == dict(frames=3, improved=3, scans=3, left_out=3)
    shutil.rmtree(raw / DATE)
    with pytest.raises(FileNotFoundError, match="12 frames are listed .*no images of their drives"):
        prepare_kitti_depth(*roots, tmp_path / "out", **ONE)


def test_missing_calibration(roots, tmp_path, monkeypatch):
    raw, depth = roots
    out, calibration = tmp_path / "out", raw / DATE / "calib_velo_to_cam.txt"
    text = calibration.read_text()
    calibration.unlink()
    message = r"(?s)calib_velo_to_cam.txt does not exist.*raw_data/2011_09_26_calib.zip.*--without-calibration"
    with pytest.raises(FileNotFoundError, match=message):
        prepare_kitti_depth(raw, depth, out, **ONE)
    assert len(prepare_kitti_depth(raw, depth, out, need_calibration=False, **ONE)["cameras"]) == 2
    (raw / DATE / "calib_cam_to_cam.txt").rename(tmp_path / "calib_cam_to_cam.txt")
    assert prepare_kitti_depth(raw, depth, out, need_calibration=False, **ONE)["cameras"] == []
    with pytest.raises(FileNotFoundError, match="need_intrinsics=False"):
        KITTIDepth(out)
    assert "intrinsics" not in KITTIDepth(out, need_intrinsics=False)[0]

    official = tmp_path / "official" / DATE
    official.mkdir(parents=True)
    (tmp_path / "calib_cam_to_cam.txt").rename(official / "calib_cam_to_cam.txt")
    (official / "calib_velo_to_cam.txt").write_text(text)
    (tmp_path / "server" / "raw_data").mkdir(parents=True)
    zipped(tmp_path / "official", tmp_path / "server" / "raw_data" / f"{DATE}_calib.zip")
    with served(tmp_path / "server") as url:
        monkeypatch.setattr(kitti_depth_sources, "URL", url)
        assert len(prepare_kitti_depth(raw, depth, out, fetch=True, **ONE)["cameras"]) == 2
    assert len(KITTIDepth(out, depth="lidar")) == COUNT


@pytest.mark.parametrize("way", ["given", "fetched"])
def test_improved_depth_from_its_archive(data, roots, tmp_path, way, monkeypatch):
    (tmp_path / "server").mkdir()
    archive, out = zipped(data / "depth", tmp_path / "server" / "data_depth_annotated.zip"), tmp_path / "out"
    with served(archive.parent) as url:
        monkeypatch.setattr(kitti_depth_sources, "URL", url)
        depth, options = (archive, {}) if way == "given" else (None, dict(fetch=True))
        summary = prepare_kitti_depth(roots[0], depth, out, **options, **ONE)
    assert summary["num_train"] == COUNT and summary["depth"] == str(out / "depth")
    assert contents(out / "depth") == contents(data / "depth")
    if way == "fetched":
        (out / archive.name).unlink()
    assert prepare_kitti_depth(roots[0], None, out, **options, **ONE) == summary, "the unpacked depth is complete"
    assert len(KITTIDepth(out)) == COUNT


def test_truncated_archive(data, roots, tmp_path):
    archive, out = zipped(data / "depth", tmp_path / "data_depth_annotated.zip"), tmp_path / "out"
    complete = archive.read_bytes()
    archive.write_bytes(complete[: len(complete) // 2])
    with pytest.raises(DataError, match=r"data_depth_annotated.zip is damaged, truncated or not a zip"):
        prepare_kitti_depth(roots[0], archive, out, **ONE)
    (out / "depth").mkdir(exist_ok=True)
    with pytest.raises(FileNotFoundError, match="may be unpacked only in part"):
        prepare_kitti_depth(roots[0], None, out, **ONE)
    archive.write_bytes(complete)
    assert prepare_kitti_depth(roots[0], archive, out, **ONE)["num_val"] == COUNT


def test_raw_data_from_its_archives(data, roots, tmp_path):
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    expected = contents(data / "raw")
    for drive in DRIVES.values():
        part = tmp_path / drive
        (part / DATE).mkdir(parents=True)
        shutil.move(data / "raw" / DATE / drive, part / DATE / drive)
        zipped(part, downloads / f"{drive}.zip")
    zipped(data / "raw", downloads / f"{DATE}_calib.zip")
    prepare_kitti_depth(downloads, roots[1], tmp_path / "out", **ONE)
    assert {path: found for path, found in contents(downloads).items() if not path.endswith(".zip")} == expected


def test_only_lists_are_written(roots, tmp_path, eigen):
    summary = prepare_kitti_depth(roots[0], None, tmp_path / "out", eigen, **ONE)
    assert summary["depth"] is None and summary["num_eigen_test"] == 3 and "num_train" not in summary
    assert len(KITTIDepth(tmp_path / "out", "eigen_test", depth="lidar")) == 2
    with pytest.raises(DataError, match="none of 3 frames has improved depth.*2 have depth='lidar'"):
        KITTIDepth(tmp_path / "out", "eigen_test")


def test_missing_inputs(roots, tmp_path, eigen):
    raw, depth = roots
    for arguments, message in (
        ((tmp_path / "no", depth), r"folder .*no does not exist\. .*2011_09_26_drive_0001_sync.zip.*--raw"),
        ((raw, tmp_path / "no"), r"no does not exist.*data_depth_annotated.zip.*no login"),
        ((raw, raw), "neither of the folders train, val"),
        ((raw, None), "no depth and no list of frames"),
    ):
        with pytest.raises(FileNotFoundError, match=message):
            prepare_kitti_depth(*arguments, tmp_path / "out", **ONE)
    with pytest.raises(FileNotFoundError, match="list .*gone.txt does not exist.*one frame per line"):
        prepare_kitti_depth(raw, depth, tmp_path / "out", dict(eigen_test=tmp_path / "gone.txt"), **ONE)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="not empty and contains no KITTI depth dataset"):
        prepare_kitti_depth(raw, depth, raw, **ONE)
    prepare_kitti_depth(raw, depth, tmp_path / "out", **ONE)
    with pytest.raises(ValueError, match="contains another KITTI depth dataset: depth"):
        prepare_kitti_depth(raw, None, tmp_path / "out", eigen, **ONE)


def test_moved_data(roots, tmp_path):
    prepare_kitti_depth(*roots, tmp_path / "out", **ONE)
    moved = roots[0].rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"kitti/raw does not exist.*raw_root=…"):
        KITTIDepth(tmp_path / "out")
    assert str(tmp_path / "elsewhere") in KITTIDepth(tmp_path / "out", raw_root=moved)[0]["meta"]["img_path"]


def test_full_disk(roots, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "out"
    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="disk is full"):
        prepare_kitti_depth(*roots, out, **ONE)
    assert not list(out.rglob(".saving-*")) and not (out / "kitti_depth.json").exists()
    monkeypatch.undo()
    assert prepare_kitti_depth(*roots, out, **ONE)["num_train"] == COUNT


def test_the_command(run_tool, roots, tmp_path, eigen, capsys):
    out = tmp_path / "out"
    options = ("--raw", roots[0], "--depth", roots[1], "--out", out, "--eigen-test", eigen["eigen_test"])
    run_tool(
        "prepare_dataset", "kitti-depth", *options, "--eigen-train", eigen["eigen_test"], "--check", "--workers", 1
    )
    printed = capsys.readouterr().out
    assert "all files were opened" in printed and "eigen_train: 3 frames" in printed
    assert {path.name for path in out.iterdir()} == {
        *("train.txt", "val.txt", "eigen_train.txt", "eigen_test.txt"),
        *("intrinsics.txt", "kitti_depth.json", "lists"),
    }


def test_a_partial_list_of_a_killed_run_is_not_a_split(roots, tmp_path, eigen):
    out = tmp_path / "out"
    prepare_kitti_depth(*roots, out, eigen, **ONE)
    partial = out / "lists" / f"{files.TEMPORARY_PREFIX}1-eigen_test.txt"
    partial.write_text("")
    assert "num_.saving-1-eigen_test" not in prepare_kitti_depth(*roots, out, **ONE)
    assert not partial.exists()


def lists_of(tmp_path, **lines):
    """List files, by split."""
    for name, text in lines.items():
        (tmp_path / f"{name}_files.txt").write_text(text)
    return {name: tmp_path / f"{name}_files.txt" for name in lines}


def line(frame, side="l", drive=DRIVES["train"]):
    return f"{DATE}/{drive} {frame:010d} {side}\n"


def test_the_report_without_improved_depth_counts_laser_scans(roots, tmp_path, capsys):
    lists = lists_of(tmp_path, eigen_train=line(5) + line(6), eigen_test=line(5, drive=DRIVES["val"]))
    prepare_kitti_depth(roots[0], None, tmp_path / "out", lists, workers=1)
    printed = capsys.readouterr().out
    assert "3 images: eigen_test 1, eigen_train 2; labels: laser scans 3\n" in printed
    assert "eigen_train: 2 frames, 2 with a laser scan\n" in printed
    assert (
        "official" not in printed and "note" not in printed and "warning:" not in printed and "improved" not in printed
    )


def test_the_official_list_is_compared_with_the_official_numbers(roots, tmp_path, eigen, monkeypatch, capsys):
    monkeypatch.setattr(kitti_depth, "OFFICIAL_EIGEN_TEST", eigen["eigen_test"])
    for lists in (eigen, {}):  # given, and of an earlier run
        prepare_kitti_depth(*roots, tmp_path / "out", lists, workers=1)
        printed = capsys.readouterr().out
        assert "images of eigen_test: 3 found, but the complete official KITTI depth has 697" in printed
        assert "2 with improved depth (652 in the official set)" in printed


def test_a_failed_run_leaves_nothing(roots, tmp_path):
    raw, out, lists = roots[0], tmp_path / "out", lists_of(tmp_path, eigen_train=line(5))
    wrong = tmp_path / "wrong.txt"
    for text, error, message in (
        ("nonsense", DataError, "wrong.txt, line 1: expected"),
        ("# nothing\n", DataError, "wrong.txt is empty"),
        (ABSENT, FileNotFoundError, f"wrong.txt: no frame can be used, 1 left out: no images of {ABSENT.split()[0]}"),
    ):
        wrong.write_text(text)
        with pytest.raises(error, match=message):
            prepare_kitti_depth(raw, None, out, lists | dict(eigen_test=wrong), **ONE)
    with pytest.raises(FileNotFoundError, match=f"{raw / DATE} has no images.*Is --raw {raw} the right folder"):
        prepare_kitti_depth(raw / DATE, None, out, lists, **ONE)
    assert not out.exists()
    assert prepare_kitti_depth(raw, None, out, lists, **ONE)["num_eigen_train"] == 1


def test_an_unfinished_index_of_other_data_is_replaced(data, roots, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    shutil.copytree(data, other)
    damaged = other / "raw" / DATE / DRIVES["train"] / "image_02/data/0000000005.png"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    lists = lists_of(tmp_path, eigen_train=line(5), eigen_test=line(6))
    with pytest.raises(DataError, match="1 of 1 drives are invalid"):
        prepare_kitti_depth(other / "raw", None, out, lists, check=True, **ONE)
    assert (out / "lists" / "eigen_test.txt").exists()
    summary = prepare_kitti_depth(*roots, out, dict(eigen_train=lists["eigen_train"]), **ONE)
    assert set(summary["lists"]) == {"train", "val", "eigen_train"}, "the list of the failed run is not kept"
    assert {path.name for path in out.iterdir()} == {
        *("train.txt", "val.txt", "eigen_train.txt", "intrinsics.txt", "kitti_depth.json", "lists")
    }


def test_a_missing_camera_is_not_a_missing_drive(roots, tmp_path, capsys):
    shutil.rmtree(roots[0] / DATE / DRIVES["train"] / "image_03")
    lists = lists_of(tmp_path, eigen_train=line(5) + line(6, "r"))
    prepare_kitti_depth(roots[0], None, tmp_path / "out", lists, workers=1)
    folder = f"{DATE}/{DRIVES['train']}/image_03"
    assert (
        f"1 frames, 1 with a laser scan; 1 left out: no images of {folder} in the raw data" in capsys.readouterr().out
    )
    with pytest.warns(UserWarning, match=f"1 of 2 frames .*cameras without images in .*{folder}"):
        KITTIDepth(roots[0], ann_file=lists["eigen_train"], depth="lidar")
    with pytest.raises(FileNotFoundError, match=f"has no images of their drives or cameras: {folder}"):
        prepare_kitti_depth(roots[0], None, tmp_path / "b", lists_of(tmp_path, eigen_test=line(6, "r")), **ONE)


def test_warnings(roots, tmp_path, capsys):
    for path in roots[0].glob(f"{DATE}/{DRIVES['train']}/velodyne_points/data/*"):
        path.unlink()
    out, lists = tmp_path / "out", lists_of(tmp_path, eigen_train=line(5) + line(6), eigen_test=line(6) + line(7))
    prepare_kitti_depth(roots[0], None, out, lists, workers=1)
    printed = capsys.readouterr().out
    assert f"warning: no frame of eigen_train has depth. Laser scans are expected in {roots[0]}" in printed
    assert "warning: common frames of eigen_train and eigen_test: 1. The scores" in printed
    with pytest.raises(DataError, match="none of 2 frames has lidar depth. Laser scans are expected in") as caught:
        KITTIDepth(out, "eigen_train", depth="lidar")
    message = str(caught.value)
    assert f"{DRIVES['train']}/velodyne_points/data. Add them and run `mtl prepare kitti-depth" in message
    assert "improved" not in message


def test_a_list_of_an_earlier_run_whose_drives_are_missing(roots, tmp_path, capsys):
    lists = lists_of(tmp_path, eigen_train=line(5), eigen_test=line(5, drive=DRIVES["val"]))
    prepare_kitti_depth(roots[0], None, tmp_path / "out", lists, workers=1)
    assert "warning:" not in capsys.readouterr().out
    shutil.rmtree(roots[0] / DATE / DRIVES["val"])
    prepare_kitti_depth(roots[0], None, tmp_path / "out", workers=1)
    assert "warning: eigen_test is empty, because its drives are missing." in capsys.readouterr().out


def test_a_data_root_that_is_one_level_too_deep(roots, tmp_path):
    lists = lists_of(tmp_path, eigen_train=line(5))
    prepare_kitti_depth(roots[0], None, tmp_path / "kitti_drive", lists, **ONE)
    with pytest.raises(FileNotFoundError, match=f"set --cfg-options data_root={tmp_path}\\. .*--eigen-train FILE"):
        KITTIDepth(tmp_path / "kitti_drive" / "kitti_drive")
    (tmp_path / "kitti_drive").rename(tmp_path / "mine")
    with pytest.raises(FileNotFoundError, match="Is .*mine the folder .*data_root=DIR and move .* DIR/kitti_drive"):
        KITTIDepth(tmp_path / "mine" / "kitti_drive")
    with pytest.raises(FileNotFoundError, match="nowhere/kitti_drive does not exist. Prepare it"):
        KITTIDepth(tmp_path / "nowhere" / "kitti_drive")
