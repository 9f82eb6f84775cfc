"""Several datasets in one, and the sampler that draws from them."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_plugins.datasets import MultiDataset, MultiDatasetSampler
from mtl_plugins.registry import DATA_SAMPLERS, DATASETS

from ..contracts.dataset_contract import AUGMENT, same


@pytest.fixture(scope="module")
def configs(nyud_folder, camvid_folder):
    return dict(
        nyud=dict(type="NYUDv2", data_root=str(nyud_folder), pipeline=AUGMENT),
        camvid=dict(type="CamVid", data_root=str(camvid_folder), pipeline=[dict(type="PackSample")]),
    )


@pytest.fixture(scope="module")
def dataset(configs):
    return DATASETS.build(dict(type="MultiDataset", datasets=configs))


def test_samples_equal_those_of_the_datasets_and_have_their_name(dataset, configs):
    parts = {name: DATASETS.build(config) for name, config in configs.items()}
    assert dataset.sizes == {name: len(part) for name, part in parts.items()} and len(dataset) == 10
    expected = [(name, i) for name, part in parts.items() for i in range(len(part))]
    for index, (name, i) in enumerate(expected):
        sample = dataset[index, 5]
        assert sample["data_samples"].dataset == name
        assert same(sample, parts[name][i, 5])
        info = dataset.get_data_info(index)
        assert info["sample_idx"] == index and info["dataset"] == name
    assert dataset[-1]["data_samples"].img_path == dataset[9]["data_samples"].img_path
    with pytest.raises(IndexError):
        dataset[10]


def test_counts_and_metainfo_cover_all_datasets(dataset):
    assert dataset.label_counts() == {"semseg": 8, "depth": 4, "normals": 4}
    meta = dataset.metainfo
    assert len(meta["classes"]) == len(set(meta["classes"])) == len(meta["palette"]) == 51
    assert "nyud: wall" not in meta["classes"] and "wall" in meta["classes"]
    assert meta["datasets"]["camvid"]["classes"][0] == "sky"
    twice = MultiDataset(dict(a=dataset.datasets["nyud"], b=dataset.datasets["nyud"]))
    assert twice.metainfo["classes"][0] == "a: wall" and twice.metainfo["classes"][40] == "b: wall"


def test_a_label_can_be_renamed_for_another_head(configs):
    part = DATASETS.build(dict(configs["camvid"], rename=dict(semseg="camvid_semseg")))
    assert set(part[0]["data_samples"].gt.keys()) == {"camvid_semseg"} == set(part.label_counts())
    assert part.metainfo["tasks"] == ("camvid_semseg",)
    with pytest.raises(ValueError, match="rename.*no label.*depht.*known"):
        DATASETS.build(dict(configs["camvid"], rename=dict(depht="x")))


def test_datasets_need_names():
    with pytest.raises(ValueError, match="datasets by name"):
        MultiDataset([])


def of_sizes(**sizes):
    """A MultiDataset of datasets that only define their length."""
    return MultiDataset({name: range(size) for name, size in sizes.items()})


def of_ranks(monkeypatch, world_size, *args, **kwargs):
    for rank in range(world_size):
        monkeypatch.setattr(
            "mtl_plugins.datasets.multi_dataset_sampler.get_dist_info", lambda rank=rank: (rank, world_size)
        )
        yield MultiDatasetSampler(*args, **kwargs)


def test_without_weights_an_epoch_is_one_pass_over_all_samples():
    sampler = MultiDatasetSampler(of_sizes(a=5, b=3), seed=0)
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        assert sorted(index for index, _ in sampler) == list(range(8)) and len(sampler) == 8
    plain = MultiDatasetSampler(of_sizes(a=5, b=3), seed=0, shuffle=False)
    assert [index for index, _ in plain] == list(range(8))


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    weights=st.lists(st.floats(0.1, 5), min_size=4, max_size=4),
    length=st.integers(4, 120),
    batch=st.sampled_from([None, 1, 2, 4]),
)
def test_shares_follow_the_weights_and_no_sample_repeats_before_its_pass_is_over(sizes, weights, length, batch):
    dataset = of_sizes(**{f"d{i}": size for i, size in enumerate(sizes)})
    wanted = {name: weights[i] for i, name in enumerate(dataset.sizes)}
    sampler = MultiDatasetSampler(dataset, wanted, length, batch, seed=1)
    chunk = batch or 1
    seen, keys = {name: [] for name in dataset.sizes}, []
    names = [name for name, size in dataset.sizes.items() for _ in range(size)]
    for epoch in range(4):
        sampler.set_epoch(epoch)
        drawn = list(sampler)
        keys += drawn
        assert len(drawn) == len(sampler) == round(length / chunk) * chunk
        for k in range(0, len(drawn), chunk):
            assert len({names[index] for index, _ in drawn[k : k + chunk]}) == 1
        counts = Counter(names[index] for index, _ in drawn)
        for name, weight in wanted.items():
            assert abs(counts[name] - len(drawn) * weight / sum(wanted.values())) <= chunk
    for index, _ in keys:
        seen[names[index]].append(index)
    assert len(set(keys)) == len(keys), "a repeated sample gets another seed"
    for name, size in dataset.sizes.items():
        times = Counter(seen[name])
        assert not times or max(times.values()) - min(times.get(i, 0) for i in set(_indices(dataset, name))) <= 2
        assert len(seen[name]) < size or len(times) == size


def _indices(dataset, name):
    start = 0
    for other, size in dataset.sizes.items():
        if other == name:
            return range(start, start + size)
        start += size


@pytest.mark.parametrize("batch", [None, 2])
def test_processes_share_one_epoch(monkeypatch, batch):
    args = (of_sizes(a=7, b=12), dict(a=1, b=1), 24, batch)
    complete = list(next(of_ranks(monkeypatch, 1, *args, seed=3)))
    parts = [list(sampler) for sampler in of_ranks(monkeypatch, 3, *args, seed=3)]
    assert {len(part) for part in parts} == {8}
    merged = [key for keys in zip(*parts, strict=True) for key in keys]
    if batch is None:
        assert Counter(merged) == Counter(complete)
    else:  # the batches of each process come from one dataset as well
        for part in parts:
            assert all(len({index < 7 for index, _ in part[k : k + 2]}) == 1 for k in range(0, 8, 2))


def test_an_epoch_depends_only_on_its_number():
    sampler = MultiDatasetSampler(of_sizes(a=9, b=4), dict(a=1, b=3), seed=2)
    sampler.set_epoch(6)
    resumed = MultiDatasetSampler(of_sizes(a=9, b=4), dict(a=1, b=3), seed=2)
    list(resumed)
    resumed.set_epoch(6)
    assert list(sampler) == list(resumed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(weights=dict(a=1)), r"weights=.* must name each of the datasets \['a', 'b'\]"),
        (dict(weights=dict(a=0, b=0)), "not all 0"),
        (dict(weights=dict(a=1, b=1, c=1)), "weights names .c., but the datasets are .a., .b."),
        (dict(length=2, batch_size=8), "too short for one batch of 8"),
    ],
)
def test_invalid_settings_raise(options, message):
    with pytest.raises(ValueError, match=message):
        MultiDatasetSampler(of_sizes(a=2, b=3), seed=0, **options)


def test_the_sampler_needs_a_multi_dataset():
    with pytest.raises(TypeError, match="expects a MultiDataset, but got range"):
        DATA_SAMPLERS.build(dict(type="MultiDatasetSampler", dataset=range(3)))


def test_each_batch_comes_from_one_dataset(dataset):
    sampler = MultiDatasetSampler(dataset, dict(nyud=1, camvid=1), length=8, batch_size=2, seed=0)
    loader = torch.utils.data.DataLoader(dataset, 2, sampler=sampler, collate_fn=list)
    batches = [{sample["data_samples"].dataset for sample in batch} for batch in loader]
    assert all(len(names) == 1 for names in batches) and set.union(*batches) == {"nyud", "camvid"}


@settings(deadline=None, max_examples=40)
@given(
    batches=st.lists(st.sampled_from([None, 1, 2, 3]), min_size=1, max_size=1),
    worlds=st.lists(st.integers(1, 3), min_size=2, max_size=4),
    steps=st.integers(1, 7),
)
def test_a_run_continues_with_another_number_of_processes_and_repeats_no_sample(batches, worlds, steps):
    (batch,) = batches
    dataset, args = of_sizes(a=40, b=50), (dict(a=1, b=1), 60, batch)
    seen, planned, state = [], set(), ([], 0, 0)
    with pytest.MonkeyPatch.context() as monkeypatch:
        for number, world in enumerate(worlds):
            last = number == len(worlds) - 1
            parts = []
            for sampler in of_ranks(monkeypatch, world, dataset, *args, seed=5):
                sampler.continue_from(*state)
                sampler.set_epoch(0)
                planned |= {index for index, _ in sampler} if number == 0 else set()
                sampler.start = state[2]
                parts.append(list(sampler))
            assert len({len(part) for part in parts}) == 1 and len(parts[0]) % (batch or 1) == 0
            keys = [key for pair in zip(*parts, strict=True) for key in pair]
            if batch is not None:
                for part in parts:
                    assert all(len({i < 40 for i, _ in part[k : k + batch]}) == 1 for k in range(0, len(part), batch))
            drawn = keys if last else keys[: steps * sampler.chunk]
            seen += drawn
            state = (sampler.stretches, 0, state[2] + len(drawn))
    times = Counter(index for index, _ in seen)
    assert set(times) == planned, "the epoch keeps its samples"
    # only the last step of a dataset may be filled with repeated samples
    repeated = sum(times.values()) - len(times)
    assert repeated <= sum(2 * max(worlds) * (batch or 1) for _ in worlds)
    assert len(worlds) > 2 or worlds[0] != worlds[1] or repeated == 0


def test_the_epochs_after_a_change_of_processes_continue_the_passes(monkeypatch):
    args, state = (of_sizes(a=12), None, 12, 2), ([(0, 0, 2)], 0, 4)
    parts = [s for s in of_ranks(monkeypatch, 3, *args, seed=5)]
    for sampler in parts:
        sampler.continue_from(*state)
    assert parts[0].stretches == [(0, 0, 2), (0, 4, 6)]
    epochs = []
    for epoch in range(1, 4):
        for sampler in parts:
            sampler.set_epoch(epoch)
        epochs.append(sorted(index for sampler in parts for index, _ in sampler))
    assert epochs == [list(range(12))] * 3


def test_a_renamed_label_has_its_classes_in_the_metainfo(configs):
    part = DATASETS.build(dict(configs["camvid"], rename=dict(semseg="street")))
    assert part.metainfo["task_classes"]["street"] == part.metainfo["classes"]
    assert len(part.metainfo["task_palettes"]["street"]) == 11
