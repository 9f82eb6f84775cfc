"""Writes small data in the layouts of the archives NYUD_MT and PASCAL_MT; every image has all labels."""

import numpy as np

from .data_files import write_png
from .mat_labels import write_label_map, write_parts

SIZE = (48, 64)
SPLITS = dict(train=2, val=1)


def _write_lists(folder):
    """The lists of both splits; returns the names of all images."""
    folder.mkdir(parents=True)
    names = {split: [f"{split}_{i}" for i in range(number)] for split, number in SPLITS.items()}
    for split, members in names.items():
        (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in members))
    return [name for members in names.values() for name in members]


def _blocks(rng, low, high):
    return np.kron(rng.integers(low, high, (6, 8)), np.ones((8, 8))).astype(np.uint8)


def _write_npy(path, array):
    path.parent.mkdir(exist_ok=True)
    np.save(path, array.astype(np.float32))


def write_nyud_mt(folder):
    """`images`, `segmentation`, `depth`, `normals` and `edge`, and their lists."""
    for i, name in enumerate(_write_lists(folder / "gt_sets")):
        rng = np.random.default_rng(i)
        classes, depth = _blocks(rng, 0, 41), rng.uniform(1, 8, SIZE)
        write_png(folder / "images" / f"{name}.png", np.stack([classes, depth * 25, depth * 30], 2).astype(np.uint8))
        write_png(folder / "segmentation" / f"{name}.png", classes)
        _write_npy(folder / "depth" / f"{name}.npy", depth)
        normals = rng.standard_normal((*SIZE, 3))
        _write_npy(folder / "normals" / f"{name}.npy", normals / np.linalg.norm(normals, axis=2, keepdims=True))
        _write_npy(folder / "edge" / f"{name}.npy", rng.random(SIZE) < 0.1)
    return folder


def write_pascal_mt(folder):
    """`JPEGImages`, the five kinds of labels, and their lists."""
    for i, name in enumerate(_write_lists(folder / "ImageSets" / "Context")):
        rng = np.random.default_rng(i)
        classes = _blocks(rng, 0, 21)
        write_png(folder / "JPEGImages" / f"{name}.jpg", np.repeat(classes[..., None] * 10, 3, 2))
        write_png(folder / "semseg" / "VOC12" / f"{name}.png", classes)
        write_label_map(folder / "pascal-context" / "trainval" / f"{name}.mat", 2 + classes.astype(int))
        head = np.zeros(SIZE, bool)
        head[:20, :20] = True
        write_parts(folder / "human_parts" / f"{name}.mat", [("person", head, dict(head=head))])
        write_png(folder / "sal_distill" / f"{name}.png", np.where(classes > 10, 255, 0).astype(np.uint8))
        write_png(folder / "normals_distill" / f"{name}.png", rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    return folder
