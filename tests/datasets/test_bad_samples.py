"""Samples that cannot be read: `on_bad_sample='skip'`."""

import shutil

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from mtl_plugins.datasets import DataError, MultiDataset, NYUDv2, SeededSampler
from mtl_plugins.datasets.bad_samples import allowed_number, replacements

from .data_files import random_image, write_png

COUNT = 12
SKIP = dict(on_bad_sample="skip", max_bad_samples=6)
PACK = [dict(type="RandomMirror"), dict(type="PackSample")]


def write(root, count=COUNT):
    """NYUDv2's layout; each image and mask has one grey level, its index."""
    lines = []
    for i in range(count):
        write_png(root / f"rgb/{i}.png", np.full((24, 32, 3), i, np.uint8))
        write_png(root / f"masks/{i}.png", np.full((24, 32), i, np.uint8))
        lines.append(f"rgb/{i}.png\tmasks/{i}.png\n")
    (root / "train.txt").write_text("".join(lines))
    return root


def truncate(path):
    path.write_bytes(path.read_bytes()[:50])


def flip(path):
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(bytes(data))


DAMAGES = {
    "image is missing": lambda root, i: (root / f"rgb/{i}.png").unlink(),
    "label is missing": lambda root, i: (root / f"masks/{i}.png").unlink(),
    "image is truncated": lambda root, i: truncate(root / f"rgb/{i}.png"),
    "label is truncated": lambda root, i: truncate(root / f"masks/{i}.png"),
    "image is damaged": lambda root, i: flip(root / f"rgb/{i}.png"),
    "image is empty": lambda root, i: (root / f"rgb/{i}.png").write_bytes(b""),
    "image is a text": lambda root, i: (root / f"rgb/{i}.png").write_text("<html>404</html>"),
    "image is a folder": lambda root, i: ((root / f"rgb/{i}.png").unlink(), (root / f"rgb/{i}.png").mkdir()),
    "label has another size": lambda root, i: write_png(root / f"masks/{i}.png", np.zeros((20, 32), np.uint8)),
    "label has an unknown class": lambda root, i: write_png(root / f"masks/{i}.png", np.full((24, 32), 77, np.uint8)),
    "label is a picture": lambda root, i: write_png(root / f"masks/{i}.png", random_image(0)),
}


@pytest.fixture
def root(tmp_path):
    return write(tmp_path)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_a_bad_sample_is_replaced_and_named(root, damage):
    damage(root, 3)
    dataset = NYUDv2(root, pipeline=PACK, tasks=["semseg"], **SKIP)
    assert [i for i in range(COUNT) if dataset.problem_of(i)] == [3]
    packed = dataset[3, 7]
    other = int(packed["inputs"][0, 0, 0])
    assert other != 3 and (packed["data_samples"].gt.semseg == other).all()
    [bad] = packed["data_samples"].bad_samples
    assert bad["sample_idx"] == 3 and bad["img_path"].endswith("rgb/3.png") and "/3.png" in bad["reason"]
    assert "bad_samples" not in dataset[4, 7]["data_samples"]
    with pytest.raises((DataError, OSError), match=r"/3\.png"):
        NYUDv2(root, pipeline=PACK, tasks=["semseg"])[3, 7]


def test_the_replacement_depends_only_on_index_and_seed(root):
    for i in (2, 5, 9):
        truncate(root / f"rgb/{i}.png")

    def epoch(workers, number):
        dataset = NYUDv2(root, pipeline=PACK, **SKIP)
        sampler = SeededSampler(dataset, seed=5)
        sampler.set_epoch(number)
        loader = DataLoader(dataset, 2, sampler=sampler, num_workers=workers, collate_fn=list)
        return torch.stack([packed["inputs"] for batch in loader for packed in batch])

    first = epoch(0, 0)
    assert torch.equal(first, epoch(2, 0)) and not torch.equal(first, epoch(0, 1))
    shown = sorted(first[:, 0, 0, 0].tolist())
    assert len(shown) == COUNT and not {2, 5, 9} & set(shown)


def test_replacements_are_spread_over_the_dataset():
    drawn = [next(replacements(3, seed, 10)) for seed in range(900)]
    counts = np.bincount(drawn, minlength=10)
    assert counts[3] == 0 and counts[counts > 0].size == 9 and counts.max() < 2 * counts[counts > 0].min()


def test_an_evaluation_leaves_the_labels_out(root):
    truncate(root / "masks/3.png")
    packed = NYUDv2(root, pipeline=[dict(type="PackSample")], **SKIP)[3]["data_samples"]
    assert list(packed.gt.keys()) == [] and packed.label_paths == {} and packed.sample_idx == 3
    assert packed.img_path.endswith("rgb/3.png") and packed.bad_samples[0]["sample_idx"] == 3


def test_the_replacement_comes_from_the_same_dataset(root, tmp_path):
    other = write(tmp_path / "other", 4)
    truncate(other / "rgb/1.png")
    datasets = dict(a=dict(type="NYUDv2", data_root=str(root)), b=dict(type="NYUDv2", data_root=str(other), **SKIP))
    sample = MultiDataset(datasets)[COUNT + 1, 3]
    assert sample["meta"]["dataset"] == "b" and "/other/rgb/" in sample["meta"]["img_path"]
    assert sample["meta"]["bad_samples"][0]["dataset"] == "b"


def test_the_cache_returns_the_same_replacement(root, tmp_path):
    truncate(root / "rgb/3.png")
    plain, cached = (NYUDv2(root, **SKIP, **options) for options in ({}, dict(cache=tmp_path / "cache")))
    for _ in range(2):
        assert torch.equal(plain[3, 1]["img"], cached[3, 1]["img"])
        assert "bad_samples" in cached[3, 1]["meta"] and "bad_samples" not in cached[4, 1]["meta"]


def test_too_many_missing_files(root):
    for i in range(7):
        (root / f"rgb/{i}.png").unlink()
    with pytest.raises(
        FileNotFoundError, match="7 of the files .*(.|\n)*max_bad_samples=6 allows 6 incomplete samples"
    ):
        NYUDv2(root, **SKIP)


def test_if_nothing_can_be_read(root):
    for i in range(COUNT):
        truncate(root / f"rgb/{i}.png")
    with pytest.raises(DataError, match=r"rgb/3.png.*truncated.*50 samples that were drawn in its place cannot"):
        NYUDv2(root, **SKIP)[3, 0]


def test_mistakes_in_code_are_never_skipped(root):
    def broken(path, **options):
        raise TypeError("a mistake")

    dataset = NYUDv2(root, labels=dict(semseg=dict(reader=broken)), **SKIP)
    with pytest.raises(TypeError, match="a mistake"):
        dataset[0, 0]


@pytest.mark.parametrize(
    "options",
    [dict(on_bad_sample="ignore"), *(dict(max_bad_samples=n) for n in (-1, 1.5, 2.0, float("nan"), "x", True))],
)
def test_unknown_options(root, options):
    with pytest.raises(ValueError, match=f"NYUDv2: {next(iter(options))}="):
        NYUDv2(root, **options)


def test_allowed_numbers():
    assert [allowed_number(limit, 50) for limit in (0, 0.0, 0.1, 0.99, 1.0, 1, 7)] == [0, 0, 5, 49, 50, 1, 7]


def test_a_float_is_a_share_and_an_int_a_number(root):
    allowed = [NYUDv2(root, on_bad_sample="skip", max_bad_samples=limit).allowed_bad_samples for limit in (1.0, 1)]
    assert allowed == [COUNT, 1]


def test_undamaged_samples_do_not_change(root):
    plain, skipping = NYUDv2(root, pipeline=PACK), NYUDv2(root, pipeline=PACK, **SKIP)
    assert all(torch.equal(plain[i, i]["inputs"], skipping[i, i]["inputs"]) for i in range(COUNT))
    shutil.rmtree(root / "masks")
    assert len(NYUDv2(root, labels=dict(semseg=None), **SKIP)) == COUNT


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate")])
def test_exhausted_memory_names_the_image_and_what_to_lower(tmp_path, error):
    def exhausted(path, **options):
        raise error

    labels = dict(semseg=dict(folder="masks", reader=exhausted), depth=None, normals=None)
    dataset = NYUDv2(write(tmp_path), labels=labels, on_bad_sample="skip")
    with pytest.raises(MemoryError, match="the memory ran out while .*rgb/0.png was read or augmented: lower num_wor"):
        dataset[0]
