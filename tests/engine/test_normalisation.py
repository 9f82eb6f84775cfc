"""Checkpoints store the normalisation of images; loading one into a model with another normalisation warns."""

import pytest
from mmengine.config import Config
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from mtl_plugins.engine import check_normalisation, normalisation_of
from mtl_plugins.registry import MODELS

HALF = dict(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5])
IMAGENET = dict(mean=list(IMAGENET_DEFAULT_MEAN), std=list(IMAGENET_DEFAULT_STD))


@pytest.fixture(scope="module")
def model():
    backbone = dict(type="TimmBackbone", model_name="test_vit")
    return MODELS.build(dict(type="MultiTaskModel", backbone=backbone, heads=dict(depth=dict(type="DepthHead"))))


@pytest.mark.parametrize(
    "meta, expected",
    [
        (dict(cfg="", normalisation=HALF), None),
        (dict(cfg="", normalisation=IMAGENET), "file.pth was trained on images normalised with mean [0.485"),
        (dict(cfg=""), "file.pth was probably (it is older than version 0.2) trained"),
        ({}, None),
    ],
)
def test_a_different_normalisation_warns(model, capture_log, meta, expected):
    assert normalisation_of(model) == HALF
    check_normalisation(model, dict(meta=meta), "file.pth")
    log = capture_log()
    assert "normalised" not in log if expected is None else expected in log


def test_training_logs_and_stores_the_normalisation(root, nyud_folder, tmp_path, make_light):
    from mtl_plugins.apis import build_runner, load_config
    from mtl_plugins.engine import read_checkpoint

    config = load_config("hydranet_nyud", {"model.backbone.model_name": "test_vit", "model.neck.channels": 8})
    config = make_light(config, nyud_folder, tmp_path)
    config.log_level, config.custom_hooks = "INFO", []
    runner = build_runner(Config(config.to_dict()))
    runner.save_checkpoint(str(tmp_path), "net.pth", save_optimizer=False, save_param_scheduler=False)
    assert read_checkpoint(tmp_path / "net.pth")["meta"]["normalisation"] == HALF
    [log] = tmp_path.rglob("*.log")
    assert "Images are normalised with mean [0.5, 0.5, 0.5] and std [0.5, 0.5, 0.5]" in log.read_text()
    assert "The backbone starts from random weights (model.backbone.pretrained=False)" in log.read_text()
