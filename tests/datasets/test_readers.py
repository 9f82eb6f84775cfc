import pickle
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import tv_tensors

from mtl_plugins.datasets import CamVid, DataError
from mtl_plugins.datasets.readers import (
    read_classes,
    read_depth,
    read_edges,
    read_image,
    read_image_class,
    read_image_numbers,
    read_instances,
    read_map,
    read_normals,
)
from mtl_plugins.label_spaces import class_map

from .data_files import SIZE, random_image, write_camvid, write_png


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_every_png_mode_becomes_rgb(tmp_path, mode):
    image = Image.fromarray(random_image(0)).convert(mode)
    image.save(tmp_path / "i.png")
    read = read_image(tmp_path / "i.png")
    assert read.shape == (3, *SIZE) and read.dtype == torch.uint8
    if mode != "RGBA" and mode != "LA":
        assert torch.equal(read, torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1))


def test_sixteen_bits_become_eight(tmp_path):
    write_png(tmp_path / "i.png", np.full(SIZE, 0x1234, np.uint16))
    read = read_image(tmp_path / "i.png")
    assert read.shape == (3, *SIZE) and (read == 0x12).all()


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_indices_are_kept_at_any_depth(tmp_path, bits):
    ids = np.random.default_rng(0).integers(0, 2**bits, SIZE, dtype=np.uint8)
    image = Image.fromarray(ids, mode=None).copy()
    image = image.convert("L")
    image.putpalette([(37 * i) % 256 for i in range(3 * 2**bits)])
    image.save(tmp_path / "m.png", bits=bits)
    assert (read_classes(tmp_path / "m.png").numpy()[0] == ids).all()


def grey_png(ids, bits):
    """A grey PNG with `bits` per pixel, which PIL cannot write."""
    rows = [np.packbits(np.unpackbits(row[:, None], axis=1)[:, 8 - bits :].ravel()).tobytes() for row in ids]

    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", ids.shape[1], ids.shape[0], bits, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", data) + part(b"IEND", b"")


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_grey_values_are_kept_at_any_depth(tmp_path, bits):
    ids = np.random.default_rng(0).integers(0, 2**bits, SIZE, dtype=np.uint8)
    (tmp_path / "m.png").write_bytes(grey_png(ids, bits))
    assert (read_classes(tmp_path / "m.png").numpy()[0] == ids).all()


def test_void_ids_and_range(tmp_path):
    path = write_png(tmp_path / "m.png", np.array([[0, 10, 11, 255]], np.uint8))
    assert read_classes(path, 11, void_ids=(11,)).flatten().tolist() == [0, 10, 255, 255]
    with pytest.raises(DataError, match=f"{path.name} contains class id 10, 11, but there are 10 classes: 0…9"):
        read_classes(path, 10)
    wide = write_png(tmp_path / "w.png", np.array([[3, 255, 700, 65535]], np.uint16))
    with pytest.raises(DataError, match="class id 700, but there are 255"):
        read_classes(wide, void_ids=(65535,))
    assert read_classes(wide, 4, void_ids=(700, 65535)).flatten().tolist() == [3, 255, 255, 255]


def test_a_class_map_by_names_or_as_a_table(tmp_path):
    path = write_png(tmp_path / "m.png", np.array([[0, 4, 10, 11, 255]], np.uint8))
    by_names = read_classes(path, 6, void_ids=(11,), class_map=("camvid11", "kitti6"))
    assert by_names.flatten().tolist() == class_map("camvid11", "kitti6")[[0, 4, 10, 255, 255]].tolist()
    assert torch.equal(by_names, read_classes(path, 6, void_ids=(11,), class_map=["camvid11", "kitti6"]))
    table = [9] * 10 + [3, 255]
    assert read_classes(path, 10, class_map=table).flatten().tolist() == [9, 9, 3, 255, 255]
    wide = write_png(tmp_path / "w.png", np.array([[0, 1, 894, 255, 65535]], np.uint16))
    mapped = read_classes(wide, 40, void_ids=(0, 65535), class_map=("nyud894", "nyud40"))
    assert mapped.dtype == torch.uint8
    assert mapped.flatten().tolist() == [255, *class_map("nyud894", "nyud40")[[1, 894, 255]], 255], (
        "255 is a class there"
    )


def test_a_class_map_checks_the_ids_of_the_file(tmp_path):
    path = write_png(tmp_path / "m.png", np.array([[0, 7, 11, 255]], np.uint8))
    with pytest.raises(DataError, match=r"m.png contains class id 11, but the ids of camvid11 .* are 0…10, and 255"):
        read_classes(path, class_map=("camvid11", "kitti6"))
    with pytest.raises(DataError, match=r"m.png contains class id 7, 11, but the ids that can be mapped are 0…2"):
        read_classes(path, class_map=[0, 1, 2])
    with pytest.raises(DataError, match=r"m.png has, after its class map, class id 7, 9, but there are 5"):
        read_classes(path, 5, class_map=np.array([0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9]))
    wide = write_png(tmp_path / "w.png", np.array([[1, 895, 60000]], np.uint16))
    with pytest.raises(DataError, match="w.png contains class id 895, 60000, but the ids of nyud894"):
        read_classes(wide, class_map=("nyud894", "nyud40"))
    with pytest.raises(ValueError, match="class_map must be two names of label spaces or a table"):
        read_classes(path, class_map=[0.5, 1.0])
    with pytest.raises(FileNotFoundError, match="did you mean 'kitti6'"):
        read_classes(path, class_map=("camvid11", "kiti6"))


def test_files_of_the_wrong_type_raise(tmp_path):
    eight = write_png(tmp_path / "eight.png", np.ones(SIZE, np.uint8))
    colour = write_png(tmp_path / "colour.png", random_image(0))
    with pytest.raises(DataError, match="eight.png is an 8-bit PNG.*16-bit"):
        read_depth(eight, scale=5000.0)
    with pytest.raises(DataError, match="colour.png has 3 channels, but a depth map has one"):
        read_depth(colour, scale=5000.0)
    with pytest.raises(DataError, match="colour.png has 3 channels, but a map of class ids has one"):
        read_classes(colour)
    with pytest.raises(DataError, match="eight.png has 1 channels.*RGB"):
        read_normals(eight)


def test_maps_of_numbers_are_scaled_to_one(tmp_path):
    assert (read_map(write_png(tmp_path / "a.png", np.full(SIZE, 255, np.uint8))) == 1).all()
    assert (read_map(write_png(tmp_path / "b.png", np.full(SIZE, 65535, np.uint16))) == 1).all()


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 0.7, 0.98, -1])
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_truncated_file_raises(tmp_path, ending, kept):
    path = write_png(tmp_path / f"i.{ending}", random_image(0, (64, 64)))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)] if kept >= 0 else data[:-1])
    with pytest.raises(DataError, match=rf"cannot decode .*i\.{ending} .*Download or create it again"):
        read_image(path)


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_png_raises_an_error_and_does_not_kill_the_process(tmp_path, seed):
    """torchvision's decoder would kill the process with a signal, so the file is checked first."""
    path = write_png(tmp_path / "i.png", random_image(0, (64, 64)))
    data = bytearray(path.read_bytes())
    at = np.random.default_rng(seed).integers(8, len(data))
    data[at] ^= 0x5A
    path.write_bytes(data)
    with pytest.raises(DataError, match="i.png"):
        read_image(path)


def test_a_file_that_is_not_an_image_raises(tmp_path):
    for text in ("hello\n", "<html>404</html>"):
        (tmp_path / "i.png").write_text(text)
        message = (
            r"i.png \(\d+ bytes\): it is not a JPEG, PNG, WebP, GIF, BMP or TIFF file\. Download or create it "
            r"again, or [a-z ]+\.$"
        )
        with pytest.raises(DataError, match=message):
            read_image(tmp_path / "i.png")
    with pytest.raises(FileNotFoundError, match="gone.png"):
        read_image(tmp_path / "gone.png")


def test_the_error_is_raised_from_a_worker_process(tmp_path):
    root = write_camvid(tmp_path)
    path = root / "train" / "frame_0.jpg"
    path.write_bytes(path.read_bytes()[:200])
    loader = DataLoader(CamVid(root), num_workers=1, collate_fn=list)
    with pytest.raises(DataError, match="frame_0.jpg"):
        next(iter(loader))
    assert str(pickle.loads(pickle.dumps(DataError("what")))) == "what"


@pytest.mark.parametrize("largest", [255, 65535])
def test_edges_are_read_from_images(tmp_path, largest):
    edges = np.zeros(SIZE, np.uint8 if largest == 255 else np.uint16)
    edges[3] = largest
    write_png(tmp_path / "e.png", edges)
    read = read_edges(tmp_path / "e.png")
    assert read.shape == (1, *SIZE) and torch.equal(read[0] > 0, torch.from_numpy(edges > 0))


def test_soft_edges_raise(tmp_path):
    write_png(tmp_path / "e.png", np.full(SIZE, 100, np.uint8))
    with pytest.raises(DataError, match=r"e.png: edges are 0 or 1 .* such as 0.392 of 1. If the edges are soft"):
        read_edges(tmp_path / "e.png")
    np.save(tmp_path / "e.npy", np.array([[[0, 1, np.nan]]], np.float32))
    assert read_edges(tmp_path / "e.npy")[0, 0].nan_to_num(9).tolist() == [0, 1, 9]
    write_png(tmp_path / "c.png", np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(DataError, match="edges have one channel, but the file has 3"):
        read_edges(tmp_path / "c.png")


def test_instances_are_read_without_scaling(tmp_path):
    write_png(tmp_path / "i.png", np.full(SIZE, 300, np.uint16))
    read = read_instances(tmp_path / "i.png")
    assert isinstance(read, tv_tensors.Mask) and read.shape == (1, *SIZE) and (read == 300).all()
    write_png(tmp_path / "c.png", np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(DataError, match="8- or 16-bit grey PNGs, not in 3 channels"):
        read_instances(tmp_path / "c.png")


def test_labels_of_images_are_read_from_text(tmp_path):
    path = tmp_path / "label.txt"
    for text, expected in (("2\n", [2]), (" 0", [0]), ("-1", None)):
        path.write_text(text)
        read = read_image_class(path, num_classes=3)
        assert (read if read is None else read.tolist()) == expected
    for text, expected in (("0.5 -2\n3", [0.5, -2, 3]), ("1", [1]), ("1 nan", None)):
        path.write_text(text)
        read = read_image_numbers(path)
        assert (read if read is None else read.tolist()) == expected
        assert read is None or read.dtype == torch.float32


@pytest.mark.parametrize(
    "reader, text, message",
    [
        (read_image_class, "kitchen", "a class id .an integer. is expected, but the file contains 'kitchen'"),
        (read_image_class, "3", "the class id is 3, but ids are 0 to 2, or -1 for void"),
        (read_image_class, "", "a class id"),
        (read_image_numbers, "1 two", "finite numbers are expected, but the file contains '1 two'"),
        (read_image_numbers, "", "finite numbers"),
        (read_image_numbers, "inf", "finite numbers"),
    ],
)
def test_other_text_raises(tmp_path, reader, text, message):
    (tmp_path / "label.txt").write_text(text)
    options = dict(num_classes=3) if reader is read_image_class else {}
    with pytest.raises(DataError, match=f"label.txt: {message}"):
        reader(tmp_path / "label.txt", **options)
