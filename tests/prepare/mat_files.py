"""Files like nyu_depth_v2_labeled.mat: HDF5 after a MATLAB header of 512 bytes, in column-major order."""

import h5py
import numpy as np

SIZE = (480, 640)
TYPES = dict(images="u1", labels="u2", depths="f4", rawDepths="f4")


def write_mat(path, fields, chunk=1):
    """Write `fields`, {name: array of shape (N, 480, 640) or (N, 480, 640, 3)}, in chunks of `chunk` images."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, images in fields.items():
            data = images.transpose(0, *range(images.ndim - 1, 0, -1))
            file.create_dataset(
                name, data=data, chunks=(chunk, *data.shape[1:]), compression="gzip", compression_opts=1
            )
        file.create_dataset("accelData", data=np.zeros((4, len(images))))
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    return path


def write_sparse_mat(path, count, chunk=1):
    """Write a file of a few kB that declares `count` images but stores no pixels."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, kind in TYPES.items():
            shape = ((3,) if name == "images" else ()) + SIZE[::-1]
            file.create_dataset(name, (count, *shape), kind, chunks=(chunk, *shape), compression="gzip")
    return path


def random_fields(count, seed=0):
    """Random blocks of 40 × 40 pixels with noise; the depth has holes and readings at the sensor's limit."""
    rng = np.random.default_rng(seed)

    def blocks(draw, *more):
        return np.kron(draw((count, 12, 16, *more)), np.ones((1, 40, 40) + (1,) * len(more), np.uint8))

    depth = blocks(lambda shape: rng.uniform(0.5, 9.5, shape)).astype(np.float32)
    raw = depth + rng.normal(0, 0.005, depth.shape).astype(np.float32)
    raw[:, :40], raw[:, 40:80, :40] = 0, 10
    return dict(
        images=blocks(lambda shape: rng.integers(0, 250, shape, np.uint8), 3)
        + rng.integers(0, 5, (*SIZE, 3), np.uint8),
        labels=blocks(lambda shape: rng.integers(0, 895, shape, np.uint16)),
        depths=depth,
        rawDepths=raw,
    )


def random_instances(count, seed=1):
    """Random numbers of objects in blocks of 40 × 40 pixels."""
    numbers = np.random.default_rng(seed).integers(0, 4, (count, 12, 16), np.uint8)
    return np.kron(numbers, np.ones((1, 40, 40), np.uint8))
