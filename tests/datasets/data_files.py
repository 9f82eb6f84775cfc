"""Writes small datasets to disk."""

import numpy as np
from PIL import Image

SIZE = (24, 32)


def write_png(path, array, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **kwargs)
    return path


def random_image(seed, size=SIZE):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def write_rooms(root, count=4, size=SIZE):
    """NYUDv2's layout: image 0 has all labels, 1 has no normals, 2 has only classes, and the others have no label."""
    lines = []
    for i in range(count):
        rng = np.random.default_rng(i)
        name = f"{i:06d}.png"
        write_png(root / "rgb" / name, random_image(i, size))
        cells = [f"rgb/{name}"]
        if i < 3:
            ids = rng.integers(0, 40, size, dtype=np.uint8)
            ids[0, 0] = 255
            write_png(root / "masks" / name, ids)
            cells.append(f"masks/{name}")
        if i < 2:
            depth = rng.integers(2500, 20000, size, dtype=np.uint16)
            depth[0, :5] = 0
            write_png(root / "depth" / name, depth)
            cells.append(f"depth/{name}")
        if i == 0:
            normals = np.zeros((*size, 3), np.uint8)
            normals[:] = (128, 0, 128)  # x = 0, z = -1, y = 0: facing the camera
            normals[0, 0] = 127
            write_png(root / "normals" / name, normals)
            cells.append(f"normals/{name}")
        lines.append("\t".join(cells))
    (root / "train.txt").write_text("\n".join(lines) + "\n")
    return root


def write_camvid(root, count=4, size=SIZE):
    """CamVid's layout; the last image has no annotation."""
    for i in range(count):
        write_png(root / "train" / f"frame_{i}.jpg", random_image(i, size), quality=92)
        ids = np.random.default_rng(i).integers(0, 12, size, dtype=np.uint8)
        if i < count - 1:
            write_png(root / "trainannot" / f"frame_{i}.png", ids)
    return root


def write_frames(folder, count=10, size=SIZE, ending="jpg"):
    """Frames of 7-Scenes: a slanted plane with holes, and poses; the last frame has no depth."""
    for i in range(count):
        frame = folder / f"frame-{6 * i:06d}"
        millimetres = np.tile(np.linspace(2000 + i, 2200, size[1], dtype=np.uint16), (size[0], 1))
        millimetres[:2], millimetres[-2:] = 0, 65535
        write_png(frame.with_name(f"{frame.name}.color.{ending}"), random_image(i, size))
        if i < count - 1:
            write_png(frame.with_name(f"{frame.name}.depth.png"), millimetres)
        frame.with_name(f"{frame.name}.pose.txt").write_text("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    return folder


def write_scene(root, size=SIZE, sequences=(1, 2, 3), test=(3,)):
    """A scene in the official layout: a folder for each sequence, and the lists of both splits."""
    for number in sequences:
        write_frames(root / f"seq-{number:02d}", 3, size, "png")
    names = {number: f"sequence{number}\n" for number in sequences}
    (root / "TrainSplit.txt").write_text("".join(name for number, name in names.items() if number not in test))
    (root / "TestSplit.txt").write_text("".join(names[number] for number in test))
    return root
