"""A model from a config and a checkpoint, for prediction."""

import copy

import pytest
import torch

from mtl_plugins.apis import init_model, load_config

OPTIONS = {"model.backbone.model_name": "test_resnet", "model.neck.channels": 8}


class Evil:
    """An object whose unpickling writes a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return init_model("hydranet_nyud", cfg_options=OPTIONS)


@pytest.fixture
def checkpoint(model, tmp_path):
    torch.save({"state_dict": model.state_dict()}, tmp_path / "model.pth")
    return tmp_path / "model.pth"


def test_a_model_is_ready_for_prediction(model):
    assert not model.training
    assert len(model.dataset_meta["classes"]) == 40
    with torch.no_grad():
        outputs = model(torch.zeros(1, 3, 32, 48), mode="tensor")
    assert {task: output.shape for task, output in outputs.items()} == dict(semseg=(1, 40, 8, 12), depth=(1, 1, 8, 12))


def test_weights_come_from_the_checkpoint(model, checkpoint):
    loaded = init_model("hydranet_nyud", checkpoint, cfg_options=OPTIONS)
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_classes_of_the_checkpoint_take_precedence(model, tmp_path):
    meta = dict(dataset_meta=dict(classes=("a", "b"), palette=((0, 0, 0), (1, 1, 1))))
    torch.save({"state_dict": model.state_dict(), "meta": meta}, tmp_path / "m.pth")
    assert init_model("hydranet_nyud", tmp_path / "m.pth", cfg_options=OPTIONS).dataset_meta["classes"] == ("a", "b")


def test_a_checkpoint_replaces_pretrained_weights(checkpoint):
    cfg = load_config("hydranet_nyud", {**OPTIONS, "model.backbone.pretrained": "no_such_file.pth"})
    before = copy.deepcopy(cfg.to_dict())
    init_model(cfg, checkpoint)
    assert cfg.to_dict() == before


def test_a_checkpoint_of_another_model_names_the_keys(checkpoint):
    with pytest.raises(ValueError, match="model.pth belongs to another model") as raised:
        init_model("hydranet_nyud_three", checkpoint, cfg_options=OPTIONS)
    assert "missing in the file: 3 (heads.normals.pre.weight" in str(raised.value)


def test_missing_checkpoint_error_names_existing_ones(checkpoint):
    with pytest.raises(FileNotFoundError, match="checkpoint not found: .*other.pth; in its folder: model.pth"):
        init_model("hydranet_nyud", checkpoint.with_name("other.pth"), cfg_options=OPTIONS)


def test_an_unsafe_pickle_raises_and_is_not_executed(tmp_path):
    torch.save({"state_dict": {"x": Evil(tmp_path / "was_run")}}, tmp_path / "evil.pth")
    with pytest.raises(ValueError, match="refused to read .*evil.pth"):
        init_model("hydranet_nyud", tmp_path / "evil.pth", cfg_options=OPTIONS)
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "CPU"])
def test_an_unknown_device_raises(device):
    with pytest.raises(ValueError, match=f"device='{device}' is unknown: use 'cpu', 'cuda'.* or 'mps'"):
        init_model("hydranet_nyud", device=device)


@pytest.mark.parametrize("device, available", [("cuda:99", False), ("mps", torch.backends.mps.is_available())])
def test_a_missing_gpu_raises(device, available):
    if available:
        pytest.skip("this machine has one")
    with pytest.raises(ValueError, match=f"device='{device}': this machine has .* usable .*GPU.*Use 'cpu'"):
        init_model("hydranet_nyud", device=device)
