"""The cost of balancers is measured against a model without one."""

import pytest
import torch

from mtl_plugins.apis import load_config
from mtl_plugins.benchmark import TrainingSetting, compare_balancers, compare_gradient_places
from mtl_plugins.benchmark.memory import peak_tensor_memory
from mtl_plugins.models.balancers import GramianBalancer
from mtl_plugins.registry import MODELS
from mtl_plugins.synthrooms import prepare_synthrooms
from tests.models.balancers.linear_model import InverseNorm


def test_time_and_memory_of_balancers(root):
    cfg = load_config(root / "configs/hydranet_synthrooms.py")
    cfg.model.backbone.model_name = "test_efficientnet"
    cfg.model.neck.channels = 8
    setting = TrainingSetting((32, 32), 2, steps=1, rounds=2)
    section = compare_balancers(cfg, setting, [dict(type=InverseNorm.__name__, at="parameters"), dict(type="Equal")])
    names = ["no balancer", "InverseNorm(at=parameters)", "Equal"]
    assert [row.name for row in section.rows] == names
    assert section.figures["time no balancer"] == pytest.approx(1)
    assert all(section.figures[f"time {name}"] > 0 for name in names)
    assert section.figures["MiB InverseNorm(at=parameters)"] > section.figures["MiB no balancer"] > 0
    assert "3 tasks" in section.title and len(section.notes) == 2


def test_the_memory_of_tensors():
    size = 2**18  # float32 numbers: one MiB
    peak = peak_tensor_memory(torch.device("cpu"), lambda: torch.zeros(size) + torch.zeros(size))
    assert peak == pytest.approx(3, abs=0.01)


@MODELS.register_module()
class Ones(GramianBalancer):
    def weights(self, gramian, tasks, losses):
        return torch.ones(len(tasks), dtype=torch.float64)


class TestGradientPlaces:
    @pytest.fixture(scope="class")
    def cfg(self, root, tmp_path_factory):
        folder = tmp_path_factory.mktemp("rooms")
        prepare_synthrooms(folder, num_train=4, num_val=1, size=(48, 64), workers=1, progress=False)
        cfg = load_config(root / "configs/distillation/one_label_ceiling.py")
        cfg.train_dataloader.dataset.data_root = str(folder)
        cfg.model.backbone.model_name = "test_efficientnet"
        cfg.model.neck.channels = 8
        return cfg

    def test_equal_weights_are_the_same_in_both_places(self, cfg):
        model = MODELS.build(cfg.model)
        setting = TrainingSetting((32, 32), 2, steps=2, rounds=1)
        section = compare_gradient_places(cfg, model, setting, [dict(type="MGDA"), dict(type="Ones")])
        assert section.figures["cosine Ones"] == pytest.approx(1, abs=1e-6)
        assert section.figures["cosine to the sum Ones"] == pytest.approx(1, abs=1e-6)
        assert 0 < section.figures["cosine MGDA"] < 0.9999
        pairs = ["semseg-depth", "semseg-normals", "depth-normals"]
        assert all(-1 <= section.figures[f"{at} {pair}"] <= 1 for at in ("features", "parameters") for pair in pairs)
        assert "2 batches of 2" in section.title

    def test_one_task_and_other_balancers_are_refused(self, cfg):
        setting = TrainingSetting((32, 32), 2, steps=1, rounds=1)
        with pytest.raises(ValueError, match="UW does not compare gradients in both places"):
            compare_gradient_places(cfg, MODELS.build(cfg.model), setting, [dict(type="UW")])
        model = MODELS.build({**cfg.model, "heads": dict(depth=cfg.model.heads.depth)})
        with pytest.raises(ValueError, match="one task"):
            compare_gradient_places(cfg, model, setting)
