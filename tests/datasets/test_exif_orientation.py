"""Datasets whose images have an EXIF orientation."""

import numpy as np
import pytest
import torch
from PIL import Image

from mtl_plugins.datasets import DataError, ListedDataset
from mtl_plugins.functional.normals_png import encode_normals
from mtl_plugins.images import inverse_orientation, turn

ORIENTATIONS = range(1, 9)
WIDE, SQUARE = (6, 10), (8, 8)
CAMERA = (9.0, 11.0, 3.5, 2.25)
LABELS = dict(
    semseg=dict(folder="masks", reader="classes"),
    depth=dict(folder="depth", reader="depth", scale=1000.0),
    normals=dict(folder="normals", reader="normals"),
)


class Photos(ListedDataset):
    def default_labels(self):
        return {task: dict(label) for task, label in LABELS.items()}


def upright(size):
    """An upright scene: image, classes, depth in millimetres, normals."""
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(*size, 3)).astype(np.float32)
    return dict(
        rgb=rng.integers(0, 256, (*size, 3), dtype=np.uint8),
        masks=rng.integers(0, 9, size, dtype=np.uint8),
        depth=rng.integers(500, 9000, size, dtype=np.uint16),
        normals=encode_normals(normals / np.linalg.norm(normals, axis=2, keepdims=True)),
    )


def stored(array, orientation):
    """The pixels that a camera stores of an upright array."""
    moved = torch.from_numpy(np.moveaxis(np.atleast_3d(array).astype(np.int32), 2, 0))
    turned = turn(moved, inverse_orientation(orientation)).numpy().astype(array.dtype)
    return turned[0] if array.ndim == 2 else np.ascontiguousarray(np.moveaxis(turned, 0, 2))


def write(root, size, orientation, labels, exif_of_labels=False):
    """Write a photo with its labels drawn on the image as shown (upright) or as stored."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for folder, array in upright(size).items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        on_stored = folder == "rgb" or labels == "stored"
        if folder == "normals" and on_stored:
            continue  # their vectors would have to be turned, too
        image = Image.fromarray(stored(array, orientation) if on_stored else array)
        image.save(root / folder / "a.png", **(dict(exif=exif) if folder == "rgb" or exif_of_labels else {}))
    folders = ["rgb", "masks", "depth"] + (["normals"] if labels == "shown" else [])
    (root / "train.txt").write_text("\t".join(f"{folder}/a.png" for folder in folders))
    return root


def check_upright(sample, size):
    expected = upright(size)
    assert (sample["img"].permute(1, 2, 0).numpy() == expected["rgb"]).all()
    assert (sample["semseg"][0].numpy() == expected["masks"]).all()
    assert (sample["depth"][0].numpy() == expected["depth"].astype(np.float32) / 1000).all()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("size", [WIDE, SQUARE])
@pytest.mark.parametrize("labels", ["shown", "stored"])
def test_images_are_upright_and_labels_fit_them(tmp_path, orientation, size, labels):
    root = write(tmp_path, size, orientation, labels)
    plain = write(tmp_path / "plain", size, 1, "shown")
    for cache in (None, "memory"):
        dataset = Photos(root, label_orientation=labels, intrinsics=CAMERA, cache=cache)
        sample = dataset[0]
        check_upright(sample, size)
        assert sample["intrinsics"].canvas_size == size
    fx, fy = sample["intrinsics"].tolist()[:2]
    assert (fx, fy) == (CAMERA[:2] if orientation < 5 else CAMERA[1::-1])
    if labels == "shown":
        assert torch.equal(sample["normals"], Photos(plain)[0]["normals"])


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("labels", ["shown", "stored"])
@pytest.mark.parametrize("option", ["shown", "stored"])
def test_the_size_of_a_label_decides_if_it_can(tmp_path, orientation, labels, option):
    check_upright(Photos(write(tmp_path, WIDE, orientation, labels), label_orientation=option)[0], WIDE)


@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
@pytest.mark.parametrize("option", ["shown", "stored"])
@pytest.mark.parametrize("size", [WIDE, SQUARE])
def test_a_label_with_its_own_orientation_is_turned_once(tmp_path, orientation, option, size):
    root = write(tmp_path, size, orientation, "stored", exif_of_labels=True)
    check_upright(Photos(root, label_orientation=option)[0], size)


def test_normals_on_stored_pixels_are_turned_with_the_camera(tmp_path):
    write(tmp_path, WIDE, 6, "stored")
    (tmp_path / "normals").mkdir(exist_ok=True)
    right = np.zeros((10, 6, 3), np.float32)  # the stored size
    right[..., 0] = 1
    Image.fromarray(encode_normals(right)).save(tmp_path / "normals" / "a.png")
    (tmp_path / "train.txt").write_text("rgb/a.png\tmasks/a.png\t-\tnormals/a.png")
    normals = Photos(tmp_path)[0]["normals"]
    assert normals.shape == (3, *WIDE)
    torch.testing.assert_close(normals[:, 0, 0].as_subclass(torch.Tensor), torch.tensor([0.0, 1, 0]), atol=0.01, rtol=0)


def test_messages_about_sizes_advise_nothing_that_squashes_labels(tmp_path):
    write(tmp_path, WIDE, 1, "shown")
    Image.fromarray(upright(WIDE)["masks"].T.copy()).save(tmp_path / "masks" / "a.png")
    with pytest.raises(DataError, match="One of them lies on its side.*rotate one of them by 90 degrees") as caught:
        Photos(tmp_path)[0]
    assert "Resize" not in str(caught.value)
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(tmp_path / "masks" / "a.png")
    with pytest.raises(DataError, match="do not show the same view") as caught:
        Photos(tmp_path)[0]
    assert "Resize" not in str(caught.value)
    Image.fromarray(np.zeros((12, 20), np.uint8)).save(tmp_path / "masks" / "a.png")
    with pytest.raises(DataError, match=r"12×20 \(H×W\) but its image is 6×10 .*nearest-neighbour"):
        Photos(tmp_path)[0]
    write(tmp_path, WIDE, 6, "shown")
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(tmp_path / "masks" / "a.png")
    with pytest.raises(DataError, match=r"6×10 \(H×W\), or 10×6 \(H×W\) before its EXIF orientation 6 turns it"):
        Photos(tmp_path)[0]
    with pytest.raises(ValueError, match="Photos: label_orientation='up' is unknown: use 'shown' or 'stored'"):
        Photos(tmp_path, label_orientation="up")
