"""A cached sample equals the sample that was read, and a damaged or hostile file is never used."""

import json
import os
import random
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save

from mtl_plugins.datasets import DataError, SampleCache
from mtl_plugins.datasets.sample_cache import _with_checksum
from mtl_plugins.registry import DATASETS
from mtl_plugins.structures import DenseMap

from ..contracts.dataset_contract import AUGMENT, same
from ..fuzzing import flip_bit, fuzz, mutations


@pytest.fixture(params=["memory", "folder"])
def place(request, tmp_path):
    return "memory" if request.param == "memory" else str(tmp_path / "cache")


@pytest.fixture
def config(nyud_folder, tmp_path):
    copy = tmp_path / "nyud"
    shutil.copytree(nyud_folder, copy)
    return dict(type="NYUDv2", data_root=str(copy), intrinsics=(50, 50, 32, 24))


def equal(a, b):
    return set(a) == set(b) and all(
        type(a[k]) is type(b[k]) and torch.equal(a[k], b[k]) and vars(a[k]) == vars(b[k])
        if isinstance(a[k], torch.Tensor)
        else a[k] == b[k]
        for k in a
    )


def test_cached_samples_equal_the_original_samples(config, place):
    plain, cached = DATASETS.build(config), DATASETS.build(dict(config, cache=place))
    for _ in range(2):
        assert all(equal(plain[i], cached[i]) for i in range(len(plain)))
    augmented = [DATASETS.build(dict(c, pipeline=AUGMENT)) for c in (config, dict(config, cache=place))]
    assert all(same(augmented[0][i, 7], augmented[1][i, 7]) for i in range(len(plain)) for _ in range(2))


def test_files_are_read_once(config, place, monkeypatch):
    cached = DATASETS.build(dict(config, cache=place))
    first = cached[0]
    monkeypatch.setattr(type(cached), "read", lambda self, index: pytest.fail("read again"))
    assert equal(first, cached[0])


def test_an_in_place_change_does_not_reach_the_cache(config, place):
    cached = DATASETS.build(dict(config, cache=place))
    cached[0]["depth"].zero_()
    assert cached[0]["depth"].any()


def test_other_settings_and_changed_files_are_read_again(config, tmp_path):
    config = dict(config, cache=str(tmp_path / "cache"))
    metres = DATASETS.build(config)[0]["depth"]
    assert torch.equal(DATASETS.build(dict(config, depth_scale=2500.0))[0]["depth"], 2 * metres)
    folder = DATASETS.build(config).data_root / "depth"
    shutil.copy(folder / "2.png", folder / "0.png")
    os.utime(folder / "0.png", ns=(1, 1))
    assert not torch.equal(DATASETS.build(config)[0]["depth"], metres)


def test_a_truncated_file_is_read_again(config, tmp_path):
    cached = DATASETS.build(dict(config, cache=str(tmp_path / "cache")))
    first = cached[0]
    (path,) = (tmp_path / "cache").rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    assert equal(first, cached[0]) and equal(first, cached[0])


def test_a_read_only_folder_only_warns(config, tmp_path):
    (tmp_path / "cache").write_text("a file")
    cached = DATASETS.build(dict(config, cache=str(tmp_path / "cache")))
    with pytest.warns(UserWarning, match="sample cache .* cannot be written; samples are read without it"):
        assert "depth" in cached[0]


def test_reading_errors_are_raised(config, place):
    dataset = DATASETS.build(dict(config, cache=place))
    dataset.samples[0].img.write_bytes(b"no picture")
    with pytest.raises(DataError, match="cannot decode"):
        dataset[0]


def test_another_process_uses_the_cache(config, tmp_path):
    config = dict(config, cache=str(tmp_path / "cache"))
    first = DATASETS.build(config)[0]
    code = (
        "from mmengine.registry import init_default_scope; init_default_scope('mtl_plugins')\n"
        "from mtl_plugins.registry import DATASETS\n"
        f"dataset = DATASETS.build({config!r})\n"
        "dataset.read = None\n"
        "print(dataset[0]['depth'].sum().item())"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(done.stdout.split()[-1]) == first["depth"].sum().item()


class UserMap(DenseMap):
    """A map type defined in this process."""


def test_a_user_defined_map_keeps_its_type(tmp_path):
    cache, label = SampleCache(tmp_path), UserMap(torch.rand(1, 2, 3))
    for read in (lambda: dict(edge=label), lambda: pytest.fail("read again")):
        found = cache.get(dict(index=0), [], read)["edge"]
        assert type(found) is UserMap and torch.equal(found, label)


def file_with(tensors, sample):
    """The content of a cache file with a right checksum."""
    return _with_checksum(save(tensors, dict(sample=sample, checksum="0" * 8)))


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """Replace the metadata of a cached file, and return the sample that is read afterwards."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "evil_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    cache, fresh = SampleCache(tmp_path / "cache"), dict(img=DenseMap(torch.ones(1, 2, 3)), meta=dict(index=0))

    def read_with(tensors=None, **changes):
        cache.get(dict(index=0), [], lambda: fresh)
        (path,) = (tmp_path / "cache").rglob("*.safetensors")
        about = dict(types=dict(img="DenseMap"), canvas={}, rest=dict(meta=dict(index=1))) | changes
        path.write_bytes(file_with(tensors or dict(img=torch.zeros(1, 2, 3)), json.dumps(about)))
        return cache.get(dict(index=0), [], lambda: fresh)

    return read_with


def test_the_hostile_fixture_replaces_the_sample(hostile):
    sample = hostile()
    assert not sample["img"].any() and sample["meta"] == dict(index=1)


@pytest.mark.parametrize(
    "changes",
    [
        dict(types=dict(img="evil_module.Map")),
        dict(types=dict(img="os.system")),
        dict(types=dict(img="builtins.eval")),
        dict(types=dict(img="torch.nn.parameter.Parameter")),
        dict(types=dict(img=["evil_module", "Map"])),
        dict(types=dict(img=None)),
        dict(types=dict(img="Intrinsics")),
        dict(types=dict(img="Intrinsics"), canvas=dict(img=[4, 6])),
        dict(types=dict(img="NormalMap")),
        dict(types=dict(img="DenseMap", depth="DepthMap")),
        dict(types={}),
        dict(types="DenseMap"),
        dict(canvas=dict(img="large")),
        dict(canvas=None),
        dict(rest=["meta"]),
        dict(rest=dict(img="a.png")),
        dict(tensors=dict(img=torch.zeros(1, 2, 3), depth=torch.zeros(1, 2, 3))),
        dict(tensors=dict(img=torch.zeros(2, 3))),
        dict(tensors=dict(img=torch.zeros(1, 2, 3, dtype=torch.float64))),
    ],
    ids=str,
)
def test_a_file_with_unknown_or_wrong_types_is_read_again_and_nothing_is_imported(hostile, changes):
    sample = hostile(**changes)
    assert type(sample["img"]) is DenseMap and sample["img"].all() and sample["meta"] == dict(index=0)
    assert "evil_module" not in sys.modules


def test_deeply_nested_metadata_is_read_again(tmp_path):
    cache, fresh = SampleCache(tmp_path), dict(img=torch.ones(1))
    cache.get(dict(index=0), [], lambda: fresh)
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(file_with(dict(img=torch.zeros(1)), "[" * 100_000))
    assert cache.get(dict(index=0), [], lambda: fresh)["img"].all()


@pytest.fixture
def stored(tmp_path):
    """A cached sample with all kinds of values; `stored.is_read_again` returns whether the file was not used."""
    torch.manual_seed(0)
    sample = dict(img=DenseMap(torch.rand(1, 5, 7)), ids=torch.arange(6), about=dict(index=3, name="a", x=[0.5, None]))
    cache, reads = SampleCache(tmp_path), []
    read = lambda: reads.append(1) or sample  # noqa: E731

    def is_read_again():
        before = len(reads)
        assert equal(cache.get(dict(index=0), [], read), sample)
        return len(reads) > before

    assert is_read_again() and not is_read_again()
    (path,) = tmp_path.rglob("*.safetensors")
    return SimpleNamespace(path=path, is_read_again=is_read_again)


@fuzz(100, 500)
def test_a_flipped_bit_is_read_again(stored, trials):
    data, generator = stored.path.read_bytes(), random.Random(0)
    for _ in range(trials):
        stored.path.write_bytes(flip_bit(data, generator))
        assert stored.is_read_again() and not stored.is_read_again()


@fuzz(100)
def test_a_damaged_file_is_read_again(stored, trials):
    data = stored.path.read_bytes()
    for damaged in mutations(data, trials):
        stored.path.write_bytes(damaged)
        assert stored.is_read_again() == (damaged != data)


def test_what_is_no_file_is_read_again(stored):
    stored.path.unlink()
    os.mkfifo(stored.path)  # reading it would wait forever
    assert stored.is_read_again() and not stored.is_read_again()
    stored.path.unlink()
    stored.path.mkdir()
    with pytest.warns(UserWarning, match="cannot be written"):
        assert stored.is_read_again()


def test_a_file_stays_readable_for_other_programs(stored):
    tensors = load_file(stored.path)
    assert set(tensors) == {"img", "ids"} and tensors["ids"].tolist() == list(range(6))
