from pathlib import Path

import numpy as np
from PIL import Image

from mtl_plugins.datasets.nyudv2 import DEPTH_SCALE
from mtl_plugins.files import png_is_complete, write_png
from mtl_plugins.functional.normals_png import encode_normals
from mtl_plugins.prepare.summary import figures

from .render import camera_of, render_room

FOLDERS = dict(img="rgb", semseg="masks", depth="depth", normals="normals")
TASKS = tuple(key for key in FOLDERS if key != "img")


def prepare_image(job: tuple) -> dict:
    """Renders and writes image (out_dir, seed, index, size) unless its four files are there; its figures."""
    out, seed, index, size = job
    paths = {key: Path(out, folder, f"{index:06d}.png") for key, folder in FOLDERS.items()}
    if all(map(png_is_complete, paths.values())):
        with Image.open(paths["semseg"]) as mask, Image.open(paths["depth"]) as depth:
            semseg, code = np.asarray(mask), np.asarray(depth).astype(np.uint16)
        intrinsics = camera_of(seed, index, size)
    else:
        room = render_room(seed, index, size)
        semseg, intrinsics = room["semseg"], room["intrinsics"]
        code = np.floor(room["depth"] * np.float32(DEPTH_SCALE) + np.float32(0.5)).astype(np.uint16)
        arrays = dict(img=room["img"], semseg=semseg, depth=code, normals=encode_normals(room["normals"]))
        for key, path in paths.items():
            write_png(path, arrays[key])
    return dict(intrinsics=intrinsics) | figures(TASKS, semseg, code / DEPTH_SCALE)
