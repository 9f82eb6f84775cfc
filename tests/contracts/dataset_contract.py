"""The contract of every dataset. A subclass defines its config."""

import inspect
import pickle
import random
import re

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision import tv_tensors

from mtl_plugins.datasets import MultiTaskDataset, SeededSampler
from mtl_plugins.registry import DATASETS

AUGMENT = [
    dict(type="RandomZoom", scale=(0.8, 2.0)),
    dict(type="RandomCrop", size=(20, 28)),
    dict(type="RandomMirror"),
    dict(type="ColorJitter", brightness=0.4),
    dict(type="PackSample"),
]


def same(a, b):
    if not torch.equal(a["inputs"], b["inputs"]):
        return False
    gt_a, gt_b = a["data_samples"].gt, b["data_samples"].gt
    return set(gt_a.keys()) == set(gt_b.keys()) and all(torch.equal(gt_a.get(k), gt_b.get(k)) for k in gt_a.keys())


class DatasetContract:
    """Tests for every dataset. A subclass defines the fixture `config`: the dataset's config without a pipeline."""

    @classmethod
    def registered_name(cls):
        """The registered name of what is tested, as written in the source of the fixture `config`."""
        return re.search(r'type="(\w+)"', inspect.getsource(cls))[1]

    @pytest.fixture
    def dataset(self, config):
        return DATASETS.build(config)

    @pytest.fixture
    def augmented(self, config):
        return DATASETS.build(dict(config, pipeline=AUGMENT))

    def test_samples_have_tensor_types_and_one_size(self, dataset):
        assert isinstance(dataset, MultiTaskDataset) and len(dataset) > 0
        for i in range(len(dataset)):
            sample = dataset[i]
            assert type(sample["img"]) is tv_tensors.Image
            assert sample["img"].dtype == torch.uint8 and sample["img"].shape[0] == 3
            assert sample["meta"]["sample_idx"] == i
            labels = set(sample) - {"img", "meta", "intrinsics"}
            assert labels == set(sample["meta"]["label_paths"]) <= set(dataset.tasks)
            for task in labels:
                assert sample[task].shape[-2:] == sample["img"].shape[-2:]
            if "semseg" in sample:
                ids = sample["semseg"]
                assert ids.dtype == torch.uint8 and ids[ids != 255].max() < dataset.num_classes

    def test_label_counts_match_the_samples(self, dataset):
        counts = dict.fromkeys(dataset.tasks, 0)
        for i in range(len(dataset)):
            for task in set(dataset[i]) & set(dataset.tasks):
                counts[task] += 1
        assert dataset.label_counts() == counts

    def test_metainfo_has_a_name_and_a_colour_per_class(self, dataset):
        meta = dataset.metainfo
        assert len(meta["classes"]) == len(set(meta["classes"])) == len(meta["palette"])
        assert len(set(map(tuple, meta["palette"]))) == len(meta["palette"])

    def test_a_seed_determines_the_sample_and_restores_the_generators(self, augmented):
        torch.manual_seed(3), np.random.seed(3), random.seed(3)
        expected = torch.rand(1), np.random.rand(), random.random()
        torch.manual_seed(3), np.random.seed(3), random.seed(3)
        first = augmented[0, 11]
        assert (torch.rand(1), np.random.rand(), random.random()) == expected
        assert same(first, augmented[0, 11])
        assert not all(same(first, augmented[0, seed]) for seed in range(4))

    @pytest.mark.parametrize("workers", [1, 2])
    def test_samples_do_not_depend_on_the_number_of_workers(self, augmented, workers):
        def epoch(num_workers):
            sampler = SeededSampler(augmented, seed=5)
            sampler.set_epoch(2)
            loader = DataLoader(augmented, 2, sampler=sampler, num_workers=num_workers, collate_fn=list)
            return [sample for batch in loader for sample in batch]

        expected, parallel = epoch(0), epoch(workers)
        assert len(expected) == len(augmented)
        assert all(same(a, b) for a, b in zip(expected, parallel, strict=True))

    def test_packed_sample_fits_the_model(self, augmented):
        for i in range(len(augmented)):
            packed = augmented[i, i]
            info = augmented.get_data_info(i)
            assert packed["inputs"].shape == (3, 20, 28) and type(packed["inputs"]) is torch.Tensor
            assert packed["inputs"].untyped_storage().nbytes() == 3 * 20 * 28, (
                "the complete original image must not be sent along"
            )
            sample = packed["data_samples"]
            assert sample.ori_shape == sample.img_shape == (20, 28)
            assert sample.img_path == info["img_path"] and sample.sample_idx == i
            assert set(sample.gt.keys()) == set(info["label_paths"])
            for value in sample.gt.values():
                assert type(value) is torch.Tensor and value.shape[-2:] == (20, 28)

    def test_it_can_be_pickled_for_a_spawned_worker(self, augmented):
        assert same(pickle.loads(pickle.dumps(augmented))[0, 1], augmented[0, 1])

    def test_limit_and_tasks(self, config, dataset):
        assert len(DATASETS.build(dict(config, limit=2))) == 2
        none = DATASETS.build(dict(config, tasks=[]))
        assert none.label_counts() == {} and set(none[0]) <= {"img", "meta", "intrinsics"}
        with pytest.raises(ValueError, match="limit"):
            DATASETS.build(dict(config, limit=0))
        with pytest.raises(ValueError, match="has no label.*odour.*known"):
            DATASETS.build(dict(config, tasks=["odour"]))

    def test_missing_root_explains_how_to_get_the_data(self, config, tmp_path):
        with pytest.raises(
            FileNotFoundError,
            match=r"folder .*nowhere does not exist.*Prepare it .*data_root=DIR.*mtl prepare synthrooms",
        ):
            DATASETS.build(dict(config, data_root=str(tmp_path / "nowhere")))
