"""Publishing a checkpoint: what a release contains, and which networks and options are refused."""

import importlib
import json

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mtl_plugins.apis import init_model, list_presets, load_config, publish
from mtl_plugins.apis.evaluation_record import weights_digest
from mtl_plugins.apis.publish import LARGEST_DIFFERENCE, _describe_network
from mtl_plugins.models.balancers import balancer_names
from mtl_plugins.models.heads import DenseHead
from mtl_plugins.registry import MODELS
from mtl_plugins.releases import model_card, open_release, release_index, write_release
from mtl_plugins.releases.check_network import _allowed

from ..releases.small_release import OPTIONS, PRESET, change, publish_small, write_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "small.pth")


@pytest.fixture(scope="module")
def published(checkpoint, tmp_path_factory):
    """A release with the metrics of `mtl test --out`; do not change it."""
    folder = tmp_path_factory.mktemp("published")
    scores = {"semseg/mIoU": 44.5, "depth/rmse": None, "protocols": {"semseg": "all pixels"}, "unread_images": 1}
    (folder / "metrics.json").write_text(json.dumps(scores))
    options = {"data_root": "/home/someone/nyud", "load_from": "/home/someone/x.pth"}
    return publish_small(checkpoint, folder / "out", metrics=folder / "metrics.json", more=options)


def test_the_description(published):
    found = open_release(published.folder).description
    assert found["name"] == "small" and found["trained_with"] == PRESET and found["licence"] == "Apache-2.0"
    assert found["tasks"] == dict(semseg="classes (40)", depth="metric depth", normals="unit vectors")
    assert found["metrics"] == {"semseg/mIoU": 44.5, "depth/rmse": None, "unread_images": 1}
    assert found["protocols"] == dict(semseg="all pixels") and found["evaluated_on"] == "NYUDv2 (val)"
    parameters = sum(parameter.numel() for parameter in init_model(PRESET, cfg_options=OPTIONS).parameters())
    assert found["weights"]["parameters"] == parameters and found["weights"]["precision"].startswith("float16")
    assert all(value <= LARGEST_DIFFERENCE for value in published.differences.values())
    assert published.size == sum(
        (published.folder / name).stat().st_size for name in ("model.json", "model.safetensors")
    )
    assert not published.indexed


def test_the_model_card(published):
    card = (published.folder / "README.md").read_text()
    assert card.startswith('---\nlibrary_name: "mtl-plugins"\n') and 'license: "apache-2.0"\n' in card
    for text in (
        "# small",
        "| semseg/mIoU | 44.5 | % |",
        "| depth/rmse | not defined | m |",
        "On NYUDv2 (val).",
        "NYUDv2",
    ):
        assert text in card


def test_no_paths_and_training_settings_are_published(published, checkpoint):
    text = (published.folder / "model.json").read_text()
    assert "someone" not in text and str(checkpoint.parent) not in text and "optim_wrapper" not in text


def test_averaged_weights_are_published_exactly_in_float32(tmp_path):
    """mmengine's EMAHook stores the averaged weights as `state_dict`, and the others as `ema_state_dict`."""
    path = write_checkpoint(tmp_path / "ema.pth")
    averaged = torch.load(path)["state_dict"]
    others = {f"module.{name}": value + 1 for name, value in averaged.items()}
    torch.save(dict(state_dict=averaged, ema_state_dict=others), path)
    release = publish_small(path, tmp_path, half=False)
    state = open_release(release.folder).state
    assert set(release.differences.values()) == {0.0}
    assert state.keys() == averaged.keys()
    assert all(torch.equal(state[name], value) for name, value in averaged.items())


def test_parts_of_the_training_are_left_out(tmp_path):
    """A hint compares features with a teacher's, a balancer weighs tasks; they are not part of the release."""
    hint, balancer = dict(type="FeatureHint", teacher_channels=4), dict(type="Equal")
    options = {**OPTIONS, "model.hint": hint, "model.balancer": balancer, "model.heads.normals": None}
    torch.save({"state_dict": init_model(PRESET, cfg_options=options).state_dict()}, tmp_path / "hint.pth")
    folder = publish(PRESET, tmp_path / "hint.pth", tmp_path, name="small", cfg_options=options).folder
    assert init_model(folder).tasks == ("semseg", "depth") and init_model(folder).hint is None
    assert init_model(folder).balancer is None


def test_settings_that_loading_would_refuse_are_replaced(checkpoint, tmp_path):
    options = {
        **OPTIONS,
        "model.backbone.pretrained": True,
        "model.heads.depth.init_cfg": dict(type="Normal", layer="Conv2d"),
    }
    model = open_release(publish(PRESET, checkpoint, tmp_path, name="small", cfg_options=options).folder).description[
        "model"
    ]
    assert "pretrained" not in model["backbone"] and "init_cfg" not in model["heads"]["depth"]


def test_several_datasets(tmp_path):
    options = {"model.backbone.model_name": "test_efficientnet", "model.neck.channels": 8}
    trained = init_model("hydranet_nyud_kitti", cfg_options=options)
    torch.save({"state_dict": trained.state_dict()}, tmp_path / "two.pth")
    folder = publish("hydranet_nyud_kitti", tmp_path / "two.pth", tmp_path, name="two", cfg_options=options).folder
    assert init_model(folder).dataset_meta == trained.dataset_meta


@pytest.mark.parametrize("preset", list_presets())
def test_every_preset_can_be_published(preset):
    cfg = load_config(preset)
    if cfg.model.type == "MultiTaskModel":
        network, _ = _describe_network(nn.Identity(), cfg)
        assert set(network["heads"]) == {task for task, head in cfg.model.heads.items() if head is not None}


def test_every_part_can_be_published_or_is_of_a_foreign_network():
    allowed = {name for role in ("backbone", "neck", "head", "loss", "data_preprocessor") for name in _allowed(role)}
    others = {"FeatureHint", "MultiTaskModel", "MultiTaskTTAModel", "OnnxModel", "SMPModel", "TorchvisionModel"}
    ours = {name for name, part in MODELS.module_dict.items() if part.__module__.startswith("mtl_plugins.")}
    assert ours - set(balancer_names()) == allowed | others


def test_a_user_defined_part_cannot_be_published(tmp_path):
    @MODELS.register_module(name="HeadOfUser")
    class HeadOfUser(DenseHead):
        kind = "metric_depth"

    options = {**OPTIONS, "model.heads.depth": dict(_delete_=True, type="HeadOfUser", out_channels=1)}
    try:
        torch.save({"state_dict": init_model(PRESET, cfg_options=options).state_dict()}, tmp_path / "user.pth")
        with pytest.raises(ValueError, match="cannot be published: .*HeadOfUser.*parts of this package"):
            publish(PRESET, tmp_path / "user.pth", tmp_path / "out", name="user", cfg_options=options)
    finally:
        MODELS.module_dict.pop("HeadOfUser")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["Small", "a/b", "..", "", "x" * 65])
def test_a_wrong_name(name, checkpoint, tmp_path):
    with pytest.raises(ValueError, match="is not allowed: use at most 64 lower-case letters"):
        write_release(tmp_path, dict(name=name), {})


def test_the_name_of_a_preset_is_taken(checkpoint, tmp_path):
    with pytest.raises(ValueError, match="is the name of a preset"):
        publish_small(checkpoint, tmp_path, name="hydranet_nyud")


def test_the_default_name_is_that_of_the_config(checkpoint, tmp_path):
    assert publish_small(checkpoint, tmp_path, name=None).folder.name == "nyud_three"


def test_a_config_without_a_file_needs_a_name(checkpoint, tmp_path):
    cfg = load_config(PRESET, OPTIONS)
    with pytest.raises(ValueError, match="--name NAME"):
        publish(Config(cfg.to_dict()), checkpoint, tmp_path)


def test_a_release_is_replaced_only_on_request(checkpoint, tmp_path):
    publish_small(checkpoint, tmp_path)
    with pytest.raises(FileExistsError, match="small already contains a release: choose another name, or --overwrite"):
        publish_small(checkpoint, tmp_path)
    publish_small(checkpoint, tmp_path, overwrite=True, about="Another.")
    assert open_release(tmp_path / "small").description["about"] == "Another."


@pytest.mark.parametrize("text", ["{}", '{"semseg/mIoU": "high"}', '{"semseg/mIoU": [1]}', '{"a": 1, "protocols": 3}'])
def test_a_file_that_has_no_metrics(text, checkpoint, tmp_path):
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(ValueError, match="does not contain metrics.*mtl test CONFIG CHECKPOINT --out"):
        publish_small(checkpoint, tmp_path / "out", metrics=tmp_path / "other.json")


def record_of(checkpoint, **changes):
    """The record of an evaluation of the small network on all images."""
    state = torch.load(checkpoint)["state_dict"]
    return dict(weights=weights_digest(state), data="NYUDv2 (val)", images=dict(semseg=654, depth=650)) | changes


def publish_measured(checkpoint, folder, scores, record=None, **options):
    content = {**scores, "protocols": {}} | ({} if record is None else {"measured": record})
    (folder / "metrics.json").write_text(json.dumps(content))
    return publish_small(checkpoint, folder / "out", metrics=folder / "metrics.json", **options).folder


def test_the_card_states_images_size_units_and_limits(checkpoint, tmp_path):
    scores = {"semseg/mIoU": 44.5, "depth/rmse": 0.5, "depth/abs_rel": 0.25}
    folder = publish_measured(checkpoint, tmp_path, scores, record_of(checkpoint), note="Only for rooms.")
    found = open_release(folder).description
    assert found["images"] == dict(semseg=654, depth=650) and found["note"] == "Only for rooms."
    assert found["units"] == {"semseg/mIoU": "%", "depth/rmse": "m"}
    card = (folder / "README.md").read_text()
    where = "On NYUDv2 (val): 654 images for semseg, 650 images for depth. Images are resized to 48×64 pixels (H×W).\n"
    for text in (
        where,
        "| depth/rmse | 0.5 | m |\n",
        "| depth/abs_rel | 0.25 |  |\n",
        "## Limits\n\nOnly for rooms.\n",
    ):
        assert text in card


def test_a_release_of_an_older_version_is_read(checkpoint, tmp_path):
    folder = publish_measured(checkpoint, tmp_path, {"depth/rmse": 0.5})
    change(folder, lambda content: [content.pop(key) for key in ("note", "images", "units")])
    description = open_release(folder).description
    assert "On NYUDv2 (val). Images" in model_card(description) and "## Limits" not in model_card(description)
    description["predict_pipeline"] = [dict(type="ResizeInput", size=192), dict(type="PackSample")]
    assert "Images are resized to 192 pixels on the shorter side." in model_card(description)


def test_metrics_of_the_stored_weights_and_with_augmentation_are_accepted(checkpoint, tmp_path):
    first = publish_small(checkpoint, tmp_path / "first").folder
    digest = weights_digest(open_release(first).state)
    assert digest != record_of(checkpoint)["weights"]  # kernels are float16
    record = record_of(checkpoint, weights=digest, tta=True)
    description = open_release(publish_measured(checkpoint, tmp_path, {"semseg/mIoU": 4.0}, record)).description
    assert description["evaluated_on"] == "NYUDv2 (val), with test-time augmentation"


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("drive/depth/rmse", {}),
        ("labelled/semseg/mIoU", {}),
        ("pose/mean", {}),
        ("normals/mean", {"model.heads.normals": None}),
        ("normals/mean", {"test_evaluator": [dict(type="SegmentationMetric"), dict(type="DepthMetric")]}),
    ],
)
def test_metrics_of_another_task_or_dataset_are_refused(key, options, tmp_path):
    torch.save({"state_dict": init_model(PRESET, cfg_options=OPTIONS | options).state_dict()}, tmp_path / "x.pth")
    with pytest.raises(
        ValueError, match=rf"has metrics of '{key.rpartition('/')[0]}', but .*'semseg', 'depth'.*another"
    ):
        publish_measured(tmp_path / "x.pth", tmp_path, {"semseg/mIoU": 1.0, key: 2.0}, more=options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(weights="0" * 64), "measured with other weights than those of .*small.pth. Run `mtl test CONFIG"),
        (dict(data="NYUDv2 (val, first 4)"), r"measured on NYUDv2 \(val, first 4\), but .* on NYUDv2 \(val\)\."),
        (dict(backend="small.onnx"), "with the exported file small.onnx, not with .*without --backend"),
        (dict(images=dict(semseg="many")), "measured.*images.*expected an integer"),
    ],
)
def test_metrics_of_other_weights_or_data_are_refused(changes, message, checkpoint, tmp_path):
    with pytest.raises(ValueError, match=message):
        publish_measured(checkpoint, tmp_path, {"semseg/mIoU": 1.0}, record_of(checkpoint, **changes))
    assert not (tmp_path / "out").exists()


def test_a_network_that_float16_changes_is_refused(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.import_module("mtl_plugins.apis.publish"), "LARGEST_DIFFERENCE", 0.0)
    with pytest.raises(ValueError, match=r"in float16, semseg differs by .*--no-half"):
        publish_small(checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_index_is_updated_in_the_source_tree(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(release_index, "_SOURCE", tmp_path)
    monkeypatch.setattr(release_index, "INDEX_FILE", tmp_path / "index.json")
    (tmp_path / "setup.py").touch()
    (tmp_path / "index.json").write_text("{}")
    assert publish_small(checkpoint, tmp_path / "releases").indexed
    entry = release_index.list_releases()["small"]
    assert entry.about == "A small network." and entry.trained_with == PRESET
    assert init_model("small").tasks == ("semseg", "depth", "normals")
