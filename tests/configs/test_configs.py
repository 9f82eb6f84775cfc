"""Every preset loads, builds its model, trains an iteration and is evaluated."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mtl_plugins.apis import build_runner, load_config
from mtl_plugins.apis.config import drop_pretrained, innermost_datasets
from mtl_plugins.datasets import Pipeline
from mtl_plugins.engine.input_scale_hook import input_scale
from mtl_plugins.registry import DATASETS, METRICS, MODELS, TRANSFORMS

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
PRESETS = sorted(CONFIGS.glob("*.py"))
DRIVE = sorted((CONFIGS / "kitti_drive").glob("*.py"))
RECIPES = sorted(
    path for name in ("distillation", "real_joint", "kitti_drive") for path in (CONFIGS / name).glob("*.py")
)
MULTI_TASK = sorted(  # trained in test_multi_task_presets.py
    path for name in ("nyud_mt", "pascal_context", "synthrooms_mt") for path in (CONFIGS / name).glob("*.py")
)
FOLDER_OF = dict(
    NYUDv2="nyud_folder",
    CamVid="camvid_folder",
    SynthRooms="synthrooms_folder",
    Cityscapes="cityscapes_folder",
    IDDLite="iddlite_folder",
    SevenScenes="sevenscenes_folder",
    KITTIDepth="kitti_folder",
)
IMAGE_SIZES = dict(  # of the datasets with depth
    NYUDv2=(480, 640),
    SevenScenes=(480, 640),
    SynthRooms=(240, 320),
    Cityscapes=(1024, 2048),
    KITTIDepth=(375, 1242),
    KITTI6=(375, 1242),
)
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def folder_of(cfg, request):
    """The folder of tiny data for a preset."""
    parts = innermost_datasets(cfg.train_dataloader.dataset)
    if parts[0].get("depth") == "filled":
        return request.getfixturevalue("nyud13_folder")
    return request.getfixturevalue("data_folder" if len(parts) > 2 else FOLDER_OF[parts[0].type])


each_preset = pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)


@pytest.fixture
def small(make_light, tmp_path, request):
    """A preset on tiny data, with a small encoder and decoder."""

    def get(path):
        folder = folder_of(load_config(path), request)
        options = {"model.backbone.model_name": "test_efficientnet", "model.neck.channels": 8, "data_root": str(folder)}
        cfg = load_config(path, options)
        drop_pretrained(cfg)
        return make_light(cfg, folder, tmp_path)

    return get


def test_presets_named_in_the_readme_exist():
    wanted = {"hydranet_nyud", "hydranet_nyud_three", "hydranet_camvid", "hydranet_synthrooms"}
    wanted |= {"hydranet_kitti", "hydranet_nyud_kitti", "hydranet_cityscapes", "hydranet_nyud13", "hydranet_iddlite"}
    assert wanted <= {path.stem for path in PRESETS}


def bases_of(path):
    """The files that a config inherits from directly."""
    names = Config._get_base_files(str(path))
    return [(path.parent / name).resolve() for name in names]


def steps(path, folder):
    """The longest chain of `_base_` within a folder."""
    return max((1 + steps(base, folder) for base in bases_of(path) if base.parent.is_relative_to(folder)), default=0)


@pytest.mark.parametrize("path", sorted((CONFIGS / "_base_").rglob("*.py")), ids=lambda path: path.stem)
def test_shared_parts_inherit_over_at_most_two_levels(path):
    assert all(base.is_relative_to(CONFIGS / "_base_") for base in bases_of(path))
    assert steps(path, CONFIGS / "_base_") <= 2


@pytest.mark.parametrize("path", [*PRESETS, *RECIPES, *MULTI_TASK], ids=lambda path: path.stem)
def test_presets_inherit_over_at_most_two_levels(path):
    known = (*PRESETS, *RECIPES, *MULTI_TASK)
    presets = [base for base in bases_of(path) if not base.is_relative_to(CONFIGS / "_base_")]
    assert bases_of(path) and len(presets) in (0, 1) and all(base in known for base in presets)
    length = 0
    while presets:
        length += 1
        presets = [base for base in bases_of(presets[0]) if base in known]
    assert length <= 2


@each_preset
def test_heads_datasets_and_metrics_agree(path, request):
    cfg = load_config(path)
    cfg = load_config(path, {"data_root": str(folder_of(cfg, request))})
    semseg, datasets = cfg.model.heads.get("semseg", {}), {}
    for loader in LOADERS:
        for part in innermost_datasets(cfg[loader].dataset):
            for transform in part.pipeline:
                assert TRANSFORMS.get(transform.type)
            assert part.pipeline[-1].type == "PackSample"
        built = DATASETS.build(dict(cfg[loader].dataset))
        datasets |= getattr(built, "datasets", {None: built})
    for name, dataset in datasets.items():
        if "semseg" in dataset.tasks:
            first, end = semseg.get("ranges", {}).get(name, (0, semseg.num_classes))
            assert end - first == dataset.num_classes
    weight = semseg.get("loss", {}).get("class_weight")
    assert weight is None or len(weight) == semseg.num_classes
    metrics = [METRICS.build(metric) for metric in cfg.val_evaluator]
    assert {metric.task for metric in metrics} == set(cfg.model.heads)
    assert {metric.dataset for metric in metrics} <= set(datasets)
    for transform in cfg.get("predict_pipeline", []):
        TRANSFORMS.build(transform)


@pytest.mark.parametrize("path", [*PRESETS, *RECIPES, *MULTI_TASK], ids=lambda path: path.stem)
def test_depth_is_trained_and_predicted_at_the_same_scale(path):
    """`InputScaleHook` would warn otherwise. A zoom does not count, because it also changes the metres."""
    cfg = load_config(path)
    if "depth" not in cfg.model.heads:
        pytest.skip("no depth")
    predict = Pipeline(cfg.get("predict_pipeline") or [dict(type="PackSample")])
    for part in innermost_datasets(cfg.train_dataloader.dataset):
        if (size := IMAGE_SIZES.get(part.type)) is None:
            continue
        trained = input_scale(Pipeline(part.pipeline), size, draws=2)
        assert trained is not None
        assert trained == pytest.approx(input_scale(predict, size, draws=1), rel=0.02)


@each_preset
def test_the_model_is_the_published_network(path):
    cfg = _without_weights(path)
    model = MODELS.build(cfg.model)
    assert model.backbone.model_name == "mobilenetv2_hydranet" and model.neck.out_channels == (256,)
    classes = cfg.model.heads.get("semseg", {}).get("num_classes")
    # depthwise 1x1 and 3x3 with bias for each task, over encoder and decoder
    outputs = sum(dict(semseg=classes, depth=1, normals=3)[task] for task in model.tasks)
    without_heads = 3_070_057 - (2 * 256 + 41 * (9 * 256 + 1))
    expected = without_heads + len(model.tasks) * 256 + outputs * (9 * 256 + 1)
    assert sum(p.numel() for p in model.parameters()) == expected


@each_preset
def test_a_preset_trains_and_validates(path, small, tmp_path):
    cfg = small(path)
    runner = build_runner(cfg)
    before = {name: value.clone() for name, value in runner.model.named_parameters()}
    runner.train()
    assert runner.iter == len(innermost_datasets(cfg.train_dataloader.dataset))
    moved = [name for name, value in runner.model.named_parameters() if not torch.equal(value, before[name])]
    assert any(name.startswith("backbone") for name in moved)
    assert {name.split(".")[1] for name in moved if name.startswith("heads")} == set(cfg.model.heads)
    scores = runner.message_hub.log_scalars
    score_of = dict(semseg="mIoU", depth="rmse", normals="mean")
    for metric in map(METRICS.build, cfg.val_evaluator):
        assert math.isfinite(scores[f"val/{metric.prefix}/{score_of[metric.task]}"].current())
    assert list(tmp_path.glob("*.pth")), "no checkpoint"
    assert list(tmp_path.rglob("panels/*.png")), "no picture"
    assert list(tmp_path.rglob("curves*.png")), "no curves"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_distillation_recipes_build(path, tmp_path):
    """Each stage names existing teachers, and tasks that they predict."""
    cfg = _without_weights(path)
    model = MODELS.build(cfg.model)
    assert set(model.tasks) == {METRICS.build(metric).task for metric in cfg.val_evaluator}
    if cfg.train_dataloader.dataset.type == "MultiDataset":
        names = set(cfg.train_dataloader.dataset.datasets)
        assert set(cfg.train_dataloader.sampler.get("weights", names)) == names
        evaluated = set(cfg.val_dataloader.dataset.datasets)
        assert {metric.dataset for metric in map(METRICS.build, cfg.val_evaluator)} <= evaluated
    for hook in cfg.custom_hooks:
        if hook.type != "DistillationHook":
            continue
        members = [member for teacher in hook.teachers for member in teacher.get("average", [teacher])]
        for teacher in members:
            if teacher.get("model"):  # an ONNX file that is not part of this project
                continue
            with torch.device("meta"):
                predicted = set(MODELS.build(_without_weights(teacher.config).model).tasks)
            assert set(teacher.tasks) <= predicted & set(model.tasks)


@pytest.mark.parametrize("path", DRIVE, ids=lambda path: path.stem)
def test_presets_of_a_drive_train_and_validate(path, drive_folder, make_light, tmp_path):
    """On a drive with single scans; the teachers are left out."""
    light = {"model.backbone.model_name": "test_efficientnet", "model.neck.channels": 8}
    cfg = make_light(load_config(path, light | {"data_root": str(drive_folder)}), drive_folder, tmp_path)
    for loader in LOADERS:  # `make_light` moves a single dataset to the folder itself
        cfg[loader].dataset.datasets.drive.data_root = str(drive_folder / "kitti_drive")
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != "DistillationHook"]
    runner = build_runner(cfg)
    runner.train()
    scores = runner.message_hub.log_scalars
    names = dict(semseg="labelled/semseg/mIoU", depth="drive/depth/rmse")
    assert all(math.isfinite(scores[f"val/{names[task]}"].current()) for task in runner.model.tasks)
    assert "show objects at" not in next(tmp_path.rglob("*.log")).read_text(), "all pipelines have one input size"
    if "depth" in runner.model.tasks:
        assert runner.model.heads.depth.typical.std() > 0, "the typical depth was measured"


def test_joint_training_on_real_roads(make_light, roads_folder, tmp_path):
    """Networks for one dataset train and then label the images that have no label of their task.

    The last training also has a balancer: together with several datasets, teachers and averaged weights.
    """

    def train(name, **balancer):
        options = {"data_root": str(roads_folder), "model.backbone.model_name": "test_efficientnet"}
        cfg = load_config(f"real_joint/{name}", {**options, "model.neck.channels": 8})
        if balancer:
            cfg.model.balancer = balancer
        drop_pretrained(cfg)
        cfg.dump(tmp_path / f"{name}.py")
        cfg = make_light(cfg, roads_folder, tmp_path / name)
        for hook in cfg.custom_hooks:
            if hook.type == "LabelSharesHook":
                hook.interval = 1
            for teacher in hook.get("teachers", []):
                teacher.checkpoint = str(tmp_path / Path(teacher.checkpoint).name)
                teacher.config = str(tmp_path / Path(teacher.config).name)
        runner = build_runner(cfg)
        runner.train()
        return runner.message_hub.log_scalars

    assert math.isfinite(train("real_only_camvid")["val/camvid/semseg/mIoU"].current())
    assert math.isfinite(train("real_only_depth")["val/kitti/depth/rmse"].current())
    scores = train("real_teachers", type="Equal")
    for key in ("iddlite/semseg/mIoU", "camvid/semseg/mIoU", "kitti/depth/rmse"):
        assert math.isfinite(scores[f"val/{key}"].current())
    shares, _ = scores["train/depth/pseudo"].data
    assert max(shares) > 0
    assert math.isfinite(scores["train/weight/depth"].current())


def _without_weights(path):
    """A config whose backbone has random weights, so that nothing is downloaded."""
    cfg = load_config(path)
    drop_pretrained(cfg)
    return cfg


def test_the_backbone_of_a_preset_can_be_replaced_by_name(make_light, nyud_folder, tmp_path):
    cfg = load_config("hydranet_nyud_three", {"model.backbone.model_name": "test_vit"})
    cfg = make_light(cfg, nyud_folder, tmp_path)
    runner = build_runner(cfg)
    runner.train()
    assert math.isfinite(runner.message_hub.log_scalars["train/loss"].current())
