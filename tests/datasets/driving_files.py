"""Writes small street scene datasets to disk, in their official formats."""

import json
from pathlib import Path

import numpy as np

from mtl_plugins.label_spaces import label_space

from .data_files import SIZE, random_image, write_png

DATE = "2011_09_26"
DRIVES = dict(train=f"{DATE}_drive_0001_sync", val=f"{DATE}_drive_0002_sync")
FRAMES = (5, 6, 7)
# calib_cam_to_cam.txt of 2011_09_26, with cameras adapted to images of `SIZE`
CAMERAS = {2: (20.0, 20.5, 15.5, 10.25, 0.5), 3: (21.0, 21.5, 16.5, 11.25, -9.5)}  # fx, fy, cx, cy, fx · baseline
ROTATION = "7.533745e-03 -9.999714e-01 -6.166020e-04 1.480249e-02 7.280733e-04 -9.998902e-01 9.998621e-01 7.523790e-03 1.480755e-02"  # noqa: E501
TRANSLATION = "-4.069766e-03 -7.631618e-02 -2.717806e-01"
RECTIFICATION = "9.999239e-01 9.837760e-03 -7.445048e-03 -9.869795e-03 9.999421e-01 -4.278459e-03 7.402527e-03 4.351614e-03 9.999631e-01"  # noqa: E501


def numbers(*values):
    return " ".join(f"{value:e}" for value in values)


def camera_lines(camera, size):
    fx, fy, cx, cy, shift = CAMERAS[camera]
    return (
        f"S_{camera:02d}: 1.392000e+03 5.120000e+02\n"
        f"K_{camera:02d}: {numbers(9.5e2, 0, 6.9e2, 0, 9.5e2, 2.3e2, 0, 0, 1)}\n"
        f"D_{camera:02d}: -3.644661e-01 1.790019e-01 1.148107e-03 -6.298563e-04 -5.314062e-02\n"
        f"S_rect_{camera:02d}: {numbers(size[1], size[0])}\n"
        f"R_rect_{camera:02d}: {numbers(1, 0, 0, 0, 1, 0, 0, 0, 1)}\n"
        f"P_rect_{camera:02d}: {numbers(fx, 0, cx, shift, 0, fy, cy, 0.25, 0, 0, 1, 0.003)}\n"
    )


def write_calibration(folder, size=SIZE):
    folder.mkdir(parents=True, exist_ok=True)
    first = f"R_rect_00: {RECTIFICATION}\nP_rect_00: {numbers(20, 0, 15, 0, 0, 20, 10, 0, 0, 0, 1, 0)}\n"
    (folder / "calib_cam_to_cam.txt").write_text(
        "calib_time: 09-Jan-2012 13:57:47\ncorner_dist: 9.950000e-02\n"
        + first
        + "".join(camera_lines(camera, size) for camera in CAMERAS)
    )
    (folder / "calib_velo_to_cam.txt").write_text(
        f"calib_time: 15-Mar-2012 11:37:16\nR: {ROTATION}\nT: {TRANSLATION}\n"
        "delta_f: 0.000000e+00 0.000000e+00\ndelta_c: 0.000000e+00 0.000000e+00\n"
    )


def random_scan(seed, count=400):
    """Random points around the car: (N, 4) float32; x forward, y left, z up, and reflectance."""
    rng = np.random.default_rng(seed)
    points = rng.uniform((-30, -12, -2, 0), (40, 12, 3, 1), (count, 4))
    return points.astype(np.float32)


def sparse_depth(seed, size=SIZE):
    """uint16 depth of 1 to 80 m (metres × 256) in a fifth of the pixels, none in the upper third."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(256, 80 * 256, size, dtype=np.uint16) * (rng.random(size) < 0.2).astype(np.uint16)
    codes[: size[0] // 3] = 0
    codes[-1, size[1] // 2] = 10 * 256
    return codes


def write_kitti(root, size=SIZE, frames=FRAMES, ending="png"):
    """`root/raw` and `root/depth`: one training and one validation drive, both cameras, and calibration.

    Frame 4 of each drive has neither depth nor scan; in real drives, the first five frames have no improved depth.
    """
    write_calibration(root / "raw" / DATE, size)
    for number, (split, drive) in enumerate(DRIVES.items()):
        folder = root / "raw" / DATE / drive
        for camera in CAMERAS:
            for frame in (4, *frames):
                seed = 100 * number + 10 * camera + frame
                name = f"{frame:010d}"
                write_png(folder / f"image_{camera:02d}" / "data" / f"{name}.{ending}", random_image(seed, size))
                if frame != 4:
                    depth = root / "depth" / split / drive / "proj_depth" / "groundtruth" / f"image_{camera:02d}"
                    write_png(depth / f"{name}.png", sparse_depth(seed, size))
                    scan = folder / "velodyne_points" / "data" / f"{name}.bin"
                    scan.parent.mkdir(parents=True, exist_ok=True)
                    random_scan(10 * number + frame).tofile(scan)
    return root


def write_kitti_semantic(root, count=6, size=SIZE):
    """The folders `training` and `testing` of data_semantics.zip."""
    for i in range(count):
        name = f"{i:06d}_10.png"
        write_png(root / "training" / "image_2" / name, random_image(i, size))
        ids = np.random.default_rng(i).integers(0, 34, size, dtype=np.uint8)
        write_png(root / "training" / "semantic" / name, ids)
        write_png(root / "training" / "semantic_rgb" / name, random_image(i, size))
        write_png(root / "training" / "instance" / name, ids.astype(np.uint16) * 256)
        write_png(root / "testing" / "image_2" / name, random_image(50 + i, size))
    return root


def write_kitti6(root, count=6, size=SIZE):
    """`rgb`, `masks` as colours, and `depth` for all images except the last."""
    space = label_space("kitti6")
    colours = np.array([*space.palette, (0, 0, 0)], np.uint8)
    for i in range(count):
        name = f"{i:06d}.png"
        write_png(root / "rgb" / name, random_image(i, size))
        ids = np.random.default_rng(i).integers(0, 7, size)
        write_png(root / "masks" / name, colours[ids])
        if i < count - 1:
            write_png(root / "depth" / name, sparse_depth(i, size))
    return root


def write_cityscapes(root, size=SIZE, counts=None):
    """Two cities for training, one for validation, one for testing; images, labels, disparity and cameras."""
    counts = counts or dict(train=(("aachen", 2), ("bochum", 1)), val=(("frankfurt", 2),), test=(("berlin", 1),))
    for split, cities in counts.items():
        for city, count in cities:
            for i in range(count):
                rng, stem = np.random.default_rng(i), f"{city}_{i:06d}_000019"

                def path(kind, ending, split=split, city=city, stem=stem):
                    return root / kind / split / city / f"{stem}_{ending}"

                write_png(path("leftImg8bit", "leftImg8bit.png"), random_image(i, size))
                ids = rng.integers(0, 34, size, dtype=np.uint8)
                write_png(path("gtFine", "gtFine_labelIds.png"), np.zeros_like(ids) if split == "test" else ids)
                write_png(path("gtFine", "gtFine_instanceIds.png"), ids.astype(np.uint16) * 1000)
                write_png(path("gtFine", "gtFine_color.png"), random_image(i, size))
                codes = rng.integers(500, 20000, size, dtype=np.uint16)
                codes[0, :3] = (0, 1, 2)
                write_png(path("disparity", "disparity.png"), codes)
                camera = path("camera", "camera.json")
                camera.parent.mkdir(parents=True, exist_ok=True)
                camera.write_text(json.dumps(cityscapes_camera(i)))
    return root


def cityscapes_camera(i=0):
    return {
        "extrinsic": {
            "baseline": 0.209313,
            "pitch": 0.038,
            "roll": 0.0,
            "x": 1.7,
            "y": 0.1,
            "yaw": -0.0195,
            "z": 1.22,
        },
        "intrinsic": {"fx": 40.0 + i, "fy": 40.1 + i, "u0": 16.5, "v0": 11.5},
    }


def write_iddlite(root, size=SIZE, counts=None):
    """Two sequences for training, one each for validation and testing; the test split has no annotations."""
    counts = counts or dict(train={"0": 2, "17": 2}, val={"3": 2}, test={"9": 1})
    for split, sequences in counts.items():
        for sequence, count in sequences.items():
            for i in range(count):
                name = Path(split, sequence, f"frame{i:04d}")
                write_png(root / "leftImg8bit" / f"{name}_image.jpg", random_image(i, size), quality=92)
                if split != "test":
                    ids = np.random.default_rng(i).integers(0, 7, size, dtype=np.uint8)
                    ids[0, :3] = 255
                    write_png(root / "gtFine" / f"{name}_label.png", ids)
                    write_png(root / "gtFine" / f"{name}_inst_label.png", ids.astype(np.uint16) * 1000)
    return root
