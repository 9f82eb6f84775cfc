"""`pretrained=True` in a preset: weights are downloaded by `init_weights`, and not if a checkpoint has them."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import timm
import torch
from huggingface_hub import constants

from mtl_plugins.apis import build_runner, init_model, load_config
from mtl_plugins.models.backbones import pretrained
from mtl_plugins.registry import MODELS

MODEL = dict(
    type="MultiTaskModel",
    backbone=dict(type="TimmBackbone", model_name="test_resnet", pretrained=True),
    neck=dict(type="LightWeightRefineNet", channels=8),
    heads=dict(depth=dict(type="DepthHead")),
)


@pytest.fixture
def hub(monkeypatch):
    """A hub with one model; clear it to make it unreachable."""
    torch.manual_seed(5)
    weights = dict(test_resnet=timm.create_model("test_resnet").state_dict())

    def fetch(name):
        if name not in weights:
            raise ConnectionError(f"the weights of {name} could not be downloaded")
        return weights[name]

    monkeypatch.setattr(pretrained, "_from_hub", fetch)
    return weights


def initialised(**backbone):
    torch.manual_seed(0)
    model = MODELS.build({**MODEL, "backbone": {**MODEL["backbone"], **backbone}})
    parameters = dict(model.named_parameters())
    model.init_weights()
    assert all(value is parameters[name] for name, value in model.named_parameters())  # the optimizer has them
    return model.state_dict()


def test_init_weights_loads_them_in_place_and_changes_nothing_else(hub):
    plain, loaded = initialised(pretrained=False), initialised()
    torch.testing.assert_close(loaded["backbone.body.conv1.0.weight"], hub["test_resnet"]["conv1.0.weight"])
    others = [name for name in plain if not name.startswith("backbone")]
    assert others and all(torch.equal(plain[name], loaded[name]) for name in others)


def test_building_a_network_does_not_need_the_hub(hub):
    hub.clear()
    model = MODELS.build(MODEL)
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        model.init_weights()


def test_a_network_without_checkpoint_is_built_with_a_warning(hub, capture_log):
    hub.clear()
    options = {"model.backbone.model_name": "test_resnet", "model.neck.channels": 8}
    init_model("hydranet_nyud", cfg_options=options)
    assert "The backbone has random weights: the weights of test_resnet could not be" in capture_log()


def test_a_resumed_training_does_not_need_the_hub(hub, root, nyud_folder, make_light, tmp_path):
    def runner(**options):
        cfg = make_light(load_config(root / "configs" / "hydranet_nyud.py"), nyud_folder, tmp_path)
        cfg.model.backbone.update(model_name="test_resnet", pretrained=True)
        cfg.model.neck.channels = 8
        cfg.update(options)
        return build_runner(cfg)

    runner().train()
    hub.clear()
    resumed = runner(resume=True, train_cfg=dict(by_epoch=True, max_epochs=2))
    resumed.train()
    assert resumed.epoch == 2
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        runner(work_dir=str(tmp_path / "other")).train()


@pytest.mark.parametrize("endpoint, offline", [("http://127.0.0.1:9", True), (None, False)])
def test_an_unreachable_hub_is_tried_once(endpoint, offline, monkeypatch, http_server):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint or http_server)
    monkeypatch.setattr(pretrained, "getproxies", dict)
    with pretrained._offline_if_unreachable():
        assert constants.HF_HUB_OFFLINE is offline
    assert constants.HF_HUB_OFFLINE is False


@pytest.fixture
def http_server():
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
