from itertools import islice

import pytest
from mmengine.dataset import DefaultSampler
from mmengine.runner import Runner

from mtl_plugins.datasets import SeededInfiniteSampler, SeededSampler, draw_seed
from mtl_plugins.registry import DATASETS

from ..contracts.dataset_contract import AUGMENT, same
from .data_files import write_camvid

N = 11


def ranks(monkeypatch, kind, world_size, **kwargs):
    samplers = []
    for rank in range(world_size):
        monkeypatch.setattr("mmengine.dataset.sampler.get_dist_info", lambda rank=rank: (rank, world_size))
        samplers.append(kind(range(N), **kwargs))
    return samplers


def test_draw_seeds_are_stable_and_distinct():
    assert (draw_seed(0, 0, 0), draw_seed(7, 12, 345)) == (2278555635313361279, 15293154648556596)
    seeds = {draw_seed(s, e, i) for s in range(5) for e in range(20) for i in range(50)}
    assert len(seeds) == 5 * 20 * 50 and 0 <= min(seeds) and max(seeds) < 2**63


@pytest.mark.parametrize("shuffle", [True, False])
def test_order_equals_mmengines(shuffle):
    ours, theirs = SeededSampler(range(N), shuffle, seed=4), DefaultSampler(range(N), shuffle, seed=4)
    for epoch in (0, 3):
        ours.set_epoch(epoch), theirs.set_epoch(epoch)
        keys = list(ours)
        assert [index for index, _ in keys] == list(theirs) and len(ours) == N
        assert [seed for _, seed in keys] == [draw_seed(4, epoch, index) for index, _ in keys]


def test_epochs_share_no_seed_and_can_be_repeated():
    sampler = SeededSampler(range(N), seed=1)
    first = list(sampler)
    sampler.set_epoch(1)
    assert not {seed for _, seed in first} & {seed for _, seed in sampler}
    sampler.set_epoch(0)
    assert list(sampler) == first


@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_an_epoch(monkeypatch, world_size):
    keys = [list(sampler) for sampler in ranks(monkeypatch, SeededSampler, world_size, seed=2)]
    assert len({len(part) for part in keys}) == 1
    assert {index for part in keys for index, _ in part} == set(range(N))
    unrounded = [list(s) for s in ranks(monkeypatch, SeededSampler, world_size, seed=2, round_up=False)]
    assert sorted(index for part in unrounded for index, _ in part) == list(range(N))


def test_infinite_passes_are_complete_and_resume_exactly():
    keys = list(islice(iter(SeededInfiniteSampler(range(N), seed=3)), 3 * N))
    for number in range(3):
        part = keys[number * N : (number + 1) * N]
        assert sorted(index for index, _ in part) == list(range(N))
        assert all(seed == draw_seed(3, number, index) for index, seed in part)
    assert [i for i, _ in keys[:N]] != [i for i, _ in keys[N : 2 * N]]
    resumed = SeededInfiniteSampler(range(N), seed=3)
    next(iter(resumed))  # an unfinished iterator changes nothing
    assert list(islice(iter(resumed), 17, 3 * N)) == keys[17:]


def test_infinite_over_processes(monkeypatch):
    complete = list(islice(iter(SeededInfiniteSampler(range(N), seed=3)), 30))
    parts = [list(islice(iter(s), 15)) for s in ranks(monkeypatch, SeededInfiniteSampler, 2, seed=3)]
    assert [key for pair in zip(*parts, strict=True) for key in pair] == complete


def test_the_runner_builds_the_same_batches_with_any_number_of_workers(tmp_path):
    data = dict(type="CamVid", data_root=str(write_camvid(tmp_path)), pipeline=AUGMENT)
    with DATASETS.switch_scope_and_registry("mtl_plugins"):
        loaders = [
            Runner.build_dataloader(
                dict(
                    dataset=dict(data, _scope_="mtl_plugins"),
                    sampler=dict(type="SeededSampler", _scope_="mtl_plugins"),
                    batch_size=2,
                    num_workers=workers,
                    collate_fn=dict(type="pseudo_collate"),
                ),
                seed=9,
            )
            for workers in (0, 2)
        ]
    batches = [list(loader) for loader in loaders]
    assert len(batches[0]) == 2
    for one, other in zip(*batches, strict=True):
        for i in range(2):
            a, b = ({key: batch[key][i] for key in ("inputs", "data_samples")} for batch in (one, other))
            assert same(a, b)


@pytest.mark.parametrize("kind", [SeededSampler, SeededInfiniteSampler])
@pytest.mark.parametrize("shuffle", [True, False])
def test_any_number_of_processes_continues_an_epoch(monkeypatch, kind, shuffle):
    complete = list(islice(next(iter(ranks(monkeypatch, kind, 1, shuffle=shuffle, seed=3))), 3 * N))
    for start in range(N + 1):
        for world_size in (1, 2, 3):
            samplers = ranks(monkeypatch, kind, world_size, shuffle=shuffle, seed=3)
            for sampler in samplers:
                sampler.start = start
            keys = [key for step in zip(*(islice(s, N) for s in samplers), strict=True) for key in step]
            expected = complete[start:]
            if kind is SeededSampler:  # the first samples of the epoch fill the last step
                expected = [*expected, *complete[: -len(expected) % world_size]]
                assert keys == expected
            assert keys[: len(expected)] == expected[: len(keys)]
