"""Every preset loads, builds its model, trains an iteration and is evaluated."""

import math
from pathlib import Path

import pytest
import torch

from mtl_plugins.apis import build_runner, load_config
from mtl_plugins.registry import DATASETS, METRICS, MODELS, TRANSFORMS

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
PRESETS = sorted(CONFIGS.glob("*.py"))
FOLDER_OF = dict(NYUDv2="nyud_folder", CamVid="camvid_folder", SynthRooms="synthrooms_folder")
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")

each_preset = pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)


@pytest.fixture
def small(make_light, tmp_path, request):
    """A preset on tiny data, with a small encoder and decoder."""

    def get(path):
        cfg = load_config(path, {"model.backbone.model_name": "test_efficientnet", "model.neck.channels": 8})
        return make_light(cfg, request.getfixturevalue(FOLDER_OF[cfg.train_dataloader.dataset.type]), tmp_path)

    return get


def test_there_are_the_presets_that_the_readme_names():
    wanted = {"hydranet_nyud", "hydranet_nyud_three", "hydranet_camvid", "hydranet_synthrooms"}
    assert wanted <= {path.stem for path in PRESETS}


@pytest.mark.parametrize("path", sorted((CONFIGS / "_base_").rglob("*.py")), ids=lambda path: path.stem)
def test_bases_have_no_bases(path):
    assert "_base_" not in path.read_text()


@each_preset
def test_presets_inherit_from_bases_alone(path):
    names = [line.strip().strip('",') for line in path.read_text().split("_base_ = [")[1].split("]")[0].splitlines()]
    names = [name for name in names if name]
    assert names and all(name.startswith("_base_/") and (CONFIGS / name).is_file() for name in names)


@each_preset
def test_numbers_and_names_agree(path):
    cfg = load_config(path)
    datasets = {cfg[loader].dataset.type for loader in LOADERS}
    assert len(datasets) == 1
    classes = DATASETS.get(datasets.pop()).METAINFO["classes"]
    assert cfg.model.heads.semseg.num_classes == len(classes)
    weight = cfg.model.heads.semseg.get("loss", {}).get("class_weight")
    assert weight is None or len(weight) == len(classes)
    tasks = {METRICS.build(metric).task for metric in cfg.val_evaluator}
    assert tasks == set(cfg.model.heads)
    for loader in LOADERS:
        for transform in cfg[loader].dataset.pipeline:
            assert TRANSFORMS.get(transform.type)
        assert cfg[loader].dataset.pipeline[-1].type == "PackSample"
    for transform in cfg.get("predict_pipeline", []):
        TRANSFORMS.build(transform)


@each_preset
def test_the_model_is_the_papers_network(path):
    cfg = load_config(path)
    model = MODELS.build(cfg.model)
    assert model.backbone.model_name == "mobilenetv2_hydranet" and model.neck.out_channels == (256,)
    classes = cfg.model.heads.semseg.num_classes
    # depthwise 1x1 and 3x3 with bias for each task, over encoder and decoder
    outputs = sum(dict(semseg=classes, depth=1, normals=3)[task] for task in model.tasks)
    without_heads = 3_070_057 - (2 * 256 + 41 * (9 * 256 + 1))
    expected = without_heads + len(model.tasks) * 256 + outputs * (9 * 256 + 1)
    assert sum(p.numel() for p in model.parameters()) == expected


@each_preset
def test_one_iteration_and_one_validation(path, small, tmp_path):
    cfg = small(path)
    runner = build_runner(cfg)
    before = {name: value.clone() for name, value in runner.model.named_parameters()}
    runner.train()
    assert runner.iter == 1
    moved = [name for name, value in runner.model.named_parameters() if not torch.equal(value, before[name])]
    assert any(name.startswith("backbone") for name in moved)
    assert {name.split(".")[1] for name in moved if name.startswith("heads")} == set(cfg.model.heads)
    scores = runner.message_hub.log_scalars
    for task, score in dict(semseg="mIoU", depth="rmse", normals="mean").items():
        if task in cfg.model.heads:
            assert math.isfinite(scores[f"val/{task}/{score}"].current())
    assert list(tmp_path.glob("*.pth")), "no checkpoint"
    assert list(tmp_path.rglob("panels/*.png")), "no picture"
    assert list(tmp_path.rglob("curves*.png")), "no curves"


def test_swapping_the_backbone_by_its_name_alone_through_the_runner(make_light, nyud_folder, tmp_path):
    cfg = load_config("hydranet_nyud_three", {"model.backbone.model_name": "test_vit"})
    cfg = make_light(cfg, nyud_folder, tmp_path)
    runner = build_runner(cfg)
    runner.train()
    assert math.isfinite(runner.message_hub.log_scalars["train/loss"].current())
