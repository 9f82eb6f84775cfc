"""The renderer: exact labels, equal pixels on every machine, and resumable rendering."""

import errno
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mtl_plugins.functional.normals_png import decode_normals, encode_normals
from mtl_plugins.synthrooms import prepare_image, prepare_synthrooms, render_room
from mtl_plugins.synthrooms.class_ids import NYUD40
from mtl_plugins.synthrooms.rotation import cos_sin

SIZE = (48, 64)
LABELS = ("semseg", "depth", "normals", "instances", "edge", "saliency")


@pytest.fixture(scope="module")
def rooms():
    return [render_room(0, i, SIZE) for i in range(20)]


def rays_of(room):
    height, width = room["depth"].shape
    fx, fy, cx, cy = room["intrinsics"]
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([(u - cx) / fx, (v - cy) / fy, np.ones_like(u, float)], -1)


def digest(room, keys=("img", "semseg", "depth", "normals")):
    parts = (np.ascontiguousarray(room[k]).tobytes() for k in keys)
    return hashlib.sha256(b"".join(parts)).hexdigest()


def contents(folder):
    """The path and bytes of every file."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_shapes_types_and_ranges(rooms):
    for room in rooms:
        assert room["img"].shape == (*SIZE, 3) and room["img"].dtype == np.uint8
        assert room["semseg"].shape == SIZE and room["semseg"].dtype == np.uint8
        assert room["depth"].shape == SIZE and room["depth"].dtype == np.float32
        assert room["normals"].shape == (*SIZE, 3) and room["normals"].dtype == np.float32
        assert room["semseg"].max() < 40
        assert 0.3 <= room["depth"].min() and room["depth"].max() <= 10
        assert 30 < room["img"].mean() < 220 and room["img"].std() > 15


def test_normals_are_unit_and_face_the_camera(rooms):
    for room in rooms:
        n = room["normals"].astype(np.float64)
        np.testing.assert_allclose(np.sqrt((n * n).sum(-1)), 1, atol=1e-5)
        assert ((n * rays_of(room)).sum(-1) < 0).all()


def test_depth_and_intrinsics_agree_with_the_normals(rooms):
    """On large flat faces, differences of neighbouring points are perpendicular to the exact normal."""
    angles = []
    for room in rooms:
        points, n = rays_of(room) * room["depth"][..., None].astype(np.float64), room["normals"]
        across = points[1:-1, 2:] - points[1:-1, :-2]
        along = points[2:, 1:-1] - points[:-2, 1:-1]
        measured = np.cross(along, across)
        measured /= np.linalg.norm(measured, axis=-1, keepdims=True)
        inner, label = n[1:-1, 1:-1], room["semseg"]
        smooth = np.ones(inner.shape[:2], bool)
        for dy in (0, 1, 2):
            for dx in (0, 1, 2):
                shifted = slice(dy, dy + inner.shape[0]), slice(dx, dx + inner.shape[1])
                smooth &= (np.abs(n[shifted] - inner).max(-1) < 1e-3) & (label[shifted] == label[1:-1, 1:-1])
        # All nine points lie on one plane, not on two parallel ones.
        level = (points * 0 + points)[1:-1, 1:-1]
        for dy, dx in ((0, 0), (0, 2), (2, 0), (2, 2), (0, 1), (1, 0), (1, 2), (2, 1)):
            shifted = points[dy : dy + inner.shape[0], dx : dx + inner.shape[1]]
            smooth &= np.abs(((shifted - level) * inner).sum(-1)) < 2e-3 * level[..., 2]
        cosine = (measured * inner).sum(-1)[smooth]
        angles.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    angles = np.concatenate(angles)
    assert len(angles) > 0.4 * len(rooms) * SIZE[0] * SIZE[1]
    assert np.median(angles) < 0.1 and np.quantile(angles, 0.99) < 3


def test_rooms_are_furnished(rooms):
    counts = sum(np.bincount(r["semseg"].ravel(), minlength=40) for r in rooms)
    assert (counts > 0).sum() >= 16
    assert counts[NYUD40.index("wall")] < 0.4 * counts.sum()
    # Rooms are upright: floors face up and walls are vertical.
    for room in rooms:
        floor, wall = room["semseg"] == NYUD40.index("floor"), room["semseg"] == NYUD40.index("wall")
        if floor.any():
            assert (room["normals"][floor][:, 1] < -0.5).all()
        assert np.median(np.abs(room["normals"][wall][:, 1])) < 0.6


def test_class_names_equal_nyud40():
    """The hash is of `className` in classMapping40.mat, one name per line."""
    names = hashlib.sha256("\n".join(NYUD40).encode()).hexdigest()
    assert names == "2cfe145545f5e7cd3977eb6897e703c6f7eb364377588d92b621171652afa97b"


def test_pixels_do_not_depend_on_the_machine():
    """After an intended change of the images, increase `prepare_synthrooms.VERSION` and pin the new digests."""
    assert digest(render_room(0, 0, SIZE)) == "a34a151647a48c7ab90dd28be9a85178de7b98eb16316164302731ecb5e298b0"
    assert digest(render_room(7, 3, (40, 40))) == "1d1b0b0810b71996f897a0335c9b00f5cb397bf509875440928fbee202b50caa"


def test_images_differ_with_seed_and_index():
    assert len({digest(render_room(s, i, (24, 32))) for s in (0, 1) for i in (0, 1)}) == 4


@given(st.floats(-720, 720))
def test_cos_sin_is_an_exact_rotation_near_the_angle(degrees):
    c, s = cos_sin(degrees)
    assert abs(c * c + s * s - 1) < 1e-12
    assert abs(c - np.cos(np.radians(degrees))) < 2e-4 and abs(s - np.sin(np.radians(degrees))) < 2e-4


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    out = tmp_path_factory.mktemp("rendered") / "set"
    summary = prepare_synthrooms(out, 4, 2, SIZE, seed=3, workers=1, progress=False)
    return out, summary


def test_written_files_contain_the_rendered_arrays(rendered):
    out, summary = rendered
    train, val = ((out / f"{split}.txt").read_text().splitlines() for split in ("train", "val"))
    assert len(train) == 4 and len(val) == 2
    intrinsics = (out / "intrinsics.txt").read_text().splitlines()
    for i, line in enumerate(train + val):
        room, paths = render_room(3, i, SIZE), line.split("\t")
        assert paths == [f"{folder}/{i:06d}.png" for folder in ("rgb", "masks", "depth", "normals")]
        img, semseg, depth, normals = (np.asarray(Image.open(out / p)) for p in paths)
        np.testing.assert_array_equal(img, room["img"])
        np.testing.assert_array_equal(semseg, room["semseg"])
        np.testing.assert_allclose(depth / 5000, room["depth"], atol=1.01e-4)
        np.testing.assert_allclose(decode_normals(normals), room["normals"], atol=0.01)
        others = (np.asarray(Image.open(out / key / f"{i:06d}.png")) for key in ("instances", "edge", "saliency"))
        for stored, key, scale in zip(others, ("instances", "edge", "saliency"), (1, 255, 255), strict=True):
            np.testing.assert_array_equal(stored, scale * room[key].astype(int))
        name, *numbers = intrinsics[i].split()
        assert name == f"{i:06d}.png"
        np.testing.assert_allclose([float(x) for x in numbers], room["intrinsics"], atol=1e-5)
    assert summary == json.loads((out / "synthrooms.json").read_text())
    assert summary["images"] == 6 and summary["labels"] == dict.fromkeys(LABELS, 6)
    assert abs(sum(summary["share"].values()) - 1) < 1e-9
    assert summary["depth_range"][0] < summary["depth_range"][1]


def test_the_number_of_workers_does_not_change_the_files(rendered, tmp_path):
    prepare_synthrooms(tmp_path, 4, 2, SIZE, seed=3, workers=3, progress=False)
    assert contents(tmp_path) == contents(rendered[0])


def _prepare_slowly(out):
    render = prepare_image.render_room

    def slow(*args):
        time.sleep(0.1)
        return render(*args)

    prepare_image.render_room = slow
    prepare_synthrooms(out, 4, 2, SIZE, seed=3, workers=1, progress=False)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_run_resumes_to_the_same_files(rendered, tmp_path):
    process = multiprocessing.get_context("fork").Process(target=_prepare_slowly, args=(tmp_path,))
    process.start()
    deadline = time.time() + 20
    while not list(tmp_path.glob("saliency/*.png")) and time.time() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    finished = list(tmp_path.glob("saliency/*.png"))
    assert 0 < len(finished) < 6 and not (tmp_path / "synthrooms.json").exists()
    # The worst case after a kill: a partial temporary file, and an image without one of its files.
    (tmp_path / "rgb/.saving-999-000005.png").write_bytes(b"\x89PNG half")
    finished[0].unlink()
    prepare_synthrooms(tmp_path, 4, 2, SIZE, seed=3, workers=1, progress=False)
    assert contents(tmp_path) == contents(rendered[0])


def test_a_complete_set_is_not_rendered_again(rendered, monkeypatch):
    monkeypatch.setattr(prepare_image, "render_room", None)
    before = contents(rendered[0])
    assert prepare_synthrooms(rendered[0], 4, 2, SIZE, seed=3, progress=False) == rendered[1]
    assert contents(rendered[0]) == before


def test_a_missing_file_is_rendered_again(rendered, tmp_path):
    prepare_synthrooms(tmp_path, 4, 2, SIZE, seed=3, workers=1, progress=False)
    (tmp_path / "depth/000002.png").unlink()
    prepare_synthrooms(tmp_path, 4, 2, SIZE, seed=3, workers=1, progress=False)
    assert contents(tmp_path) == contents(rendered[0])


def test_missing_labels_are_added_to_the_folder_of_an_older_version(rendered, tmp_path):
    shutil.copytree(rendered[0], tmp_path, dirs_exist_ok=True)
    for key in ("instances", "edge", "saliency"):
        shutil.rmtree(tmp_path / key)
    (tmp_path / "synthrooms.json").write_text(
        json.dumps(rendered[1] | dict(labels=dict.fromkeys(("semseg", "depth", "normals"), 6)))
    )
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    prepare_synthrooms(tmp_path, 4, 2, SIZE, seed=3, workers=1, progress=False)
    assert contents(tmp_path) == contents(rendered[0])
    assert times == {path: path.stat().st_mtime_ns for path in times}  # the files of today are not written again


@pytest.mark.parametrize(
    "change, message", [(dict(seed=4), "seed 3 .requested: 4"), (dict(size=(24, 32)), "size .48, 64.")]
)
def test_a_folder_with_another_set_raises(rendered, change, message):
    with pytest.raises(ValueError, match=message):
        prepare_synthrooms(rendered[0], 4, 2, **(dict(size=SIZE, seed=3, progress=False) | change))


def test_a_folder_with_other_files_raises(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        prepare_synthrooms(tmp_path, 1, 1, SIZE, progress=False)
    assert os.listdir(tmp_path) == ["thesis.tex"]


@pytest.mark.parametrize(
    "bad",
    [dict(num_train=-1), dict(num_train=0, num_val=0), dict(size=(8, 8)), dict(seed=-1), dict(workers=0)],
)
def test_numbers_out_of_range_raise(tmp_path, bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        prepare_synthrooms(tmp_path, **(dict(num_train=1, num_val=1, progress=False) | bad))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_reported(tmp_path, monkeypatch, workers):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="disk is full") as caught:
        prepare_synthrooms(tmp_path, 2, 1, (24, 32), workers=workers, progress=False)
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.rglob(".saving-*")) and not (tmp_path / "synthrooms.json").exists()


def test_progress_prints_a_summary(tmp_path, capsys):
    prepare_synthrooms(tmp_path, 2, 1, (24, 32), workers=1, progress=True)
    printed = capsys.readouterr().out
    assert "images/s" in printed and "train 2, val 1" in printed and "wall" in printed


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_normals_are_decoded_as_encoded(seed):
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(5, 7, 3))
    normals = (normals / np.linalg.norm(normals, axis=-1, keepdims=True)).astype(np.float32)
    normals[rng.random((5, 7)) < 0.3] = 0
    png = encode_normals(normals)
    assert png.dtype == np.uint8
    decoded = decode_normals(png)
    np.testing.assert_allclose(decoded, normals, atol=0.01)
    np.testing.assert_array_equal((decoded == 0).all(-1), (normals == 0).all(-1))
    as_tensor = decode_normals(torch.from_numpy(png).permute(2, 0, 1))
    assert as_tensor.dtype == torch.float32 and as_tensor.shape == (3, 5, 7)
    np.testing.assert_allclose(as_tensor.permute(1, 2, 0).numpy(), decoded, atol=1e-6)


def test_decoding_a_wrong_shape_raises():
    with pytest.raises(ValueError, match=r"\(3, H, W\)"):
        decode_normals(torch.zeros(5, 7, 3, dtype=torch.uint8))


def test_normals_of_real_nyudv2_files_face_the_camera(shared):
    png = np.asarray(Image.open(shared("data/nyud_samples") / "norm_gt_000433.png").convert("RGB"))
    normals = decode_normals(png)
    valid = (normals != 0).any(-1)
    assert 0.5 < valid.mean() <= 1
    assert (normals[valid][:, 2] < 0).mean() > 0.95  # facing the camera
    assert (normals[400:][valid[400:]][:, 1] < -0.5).mean() > 0.3  # floor and table face up
    assert np.abs(encode_normals(normals).astype(int) - png)[valid].mean() < 2
