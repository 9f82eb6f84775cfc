"""Renders and writes one image of a SynthRooms set."""

from pathlib import Path

import numpy as np

from mtl_plugins.datasets.nyudv2 import DEPTH_SCALE
from mtl_plugins.files import png_is_complete, write_png
from mtl_plugins.functional.normals_png import encode_normals
from mtl_plugins.images import decode_image_file
from mtl_plugins.prepare.dataset_summary import image_statistics

from .render_room import render_room, room_intrinsics

#: The folder of the image and of each label.
FOLDERS = dict(
    img="rgb",
    semseg="masks",
    depth="depth",
    normals="normals",
    instances="instances",
    edge="edge",
    saliency="saliency",
)
#: The folders that the list files name, in the order of their columns; the other files are found by the image's name.
LISTED_FOLDERS = tuple(FOLDERS[key] for key in ("img", "semseg", "depth", "normals"))
TASKS = tuple(key for key in FOLDERS if key != "img")


def prepare_image(job: tuple[str, int, int, tuple[int, int]]) -> dict:
    """Render one image with its labels, and write those of its files that are missing.

    Args:
        job: Folder of the set, seed, index of the image, and (height, width).

    Returns:
        The image's `intrinsics`, and what `mtl_plugins.prepare.dataset_summary.image_statistics` returns.
    """
    out, seed, index, size = job
    paths = {key: Path(out, folder, f"{index:06d}.png") for key, folder in FOLDERS.items()}
    missing = [key for key, path in paths.items() if not png_is_complete(path)]
    if not missing:
        semseg, code = (decode_image_file(paths[key])[0].numpy() for key in ("semseg", "depth"))
        intrinsics = room_intrinsics(seed, index, size)
    else:
        room = render_room(seed, index, size)
        semseg, intrinsics = room["semseg"], room["intrinsics"]
        code = np.floor(room["depth"] * np.float32(DEPTH_SCALE) + np.float32(0.5)).astype(np.uint16)
        arrays = dict(
            img=room["img"],
            semseg=semseg,
            depth=code,
            normals=encode_normals(room["normals"]),
            instances=room["instances"],
            edge=np.uint8(255) * room["edge"],
            saliency=np.uint8(255) * room["saliency"],
        )
        for key in missing:
            write_png(paths[key], arrays[key])
    return dict(intrinsics=intrinsics) | image_statistics(TASKS, semseg, code / DEPTH_SCALE)
