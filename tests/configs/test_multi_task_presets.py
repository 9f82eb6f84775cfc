"""Presets of the multi-task benchmarks: each trains, is evaluated, predicts, is resumed and exported on tiny data."""

import copy
import math
from pathlib import Path

import pytest
import torch

from mtl_plugins.apis import build_runner, load_config
from mtl_plugins.apis.config import drop_pretrained, innermost_datasets
from mtl_plugins.apis.export import export_model
from mtl_plugins.models import MultiTaskModel
from mtl_plugins.registry import METRICS, MODELS

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
PRESETS = [
    path for name in ("nyud_mt", "pascal_context", "synthrooms_mt") for path in sorted((CONFIGS / name).glob("*.py"))
]
FOLDER_OF = dict(SynthRooms="synthrooms_folder", NYUDMultiTask="nyud_mt_folder", PASCALContext="pascal_mt_folder")
# Tiny networks of the same families, and narrow decoders: these tests are about the structure of the configs.
TINY = dict(
    mobilenetv2_100="test_efficientnet",
    resnet50="test_resnet",
    hrnet_w18="test_resnet",
    swin_tiny_patch4_window7_224="test_convnext",
)
NARROW = dict(
    ASPP=dict(channels=8),
    ConcatFeatures=dict(channels=8),
    CrossTaskAttention=dict(channels=8),
    DPT=dict(channels=8),
    MTINet=dict(channels=8),
    PADNet=dict(channels=8),
)


def shrink(config):
    """A config of a model with a tiny backbone and narrow decoders."""
    if isinstance(config, dict):
        config = {key: shrink(value) for key, value in config.items()}
        name = config.get("model_name", "")
        if name in TINY:
            config.pop("feature_location", None)
            config["model_name"] = TINY[name]
            if name == "mobilenetv2_100" and isinstance(config.get("out_features"), list):
                config["out_features"] = ["blocks.1", "blocks.2", "blocks.3", "blocks.4"]
        elif name.startswith("vit_"):
            config.update(model_name="test_vit", out_features=[0, 2, 4, 5])
        config.update({key: value for key, value in NARROW.get(config.get("type"), {}).items()})
    elif isinstance(config, list | tuple):
        config = [shrink(item) for item in config]
    return config


def structure(path):
    """What distinguishes the networks of presets after `shrink`, apart from their tasks."""
    model = load_config(path).model
    decoders = {(head.get("decoder") or {}).get("type", "") for head in model.heads.values() if head}
    parts = [(part or {}) for part in (model.backbone, model.get("neck"))]
    tiny = [TINY.get(part.get("model_name"), part.get("model_name")) for part in parts]
    return tuple([*(part.get("type") for part in parts), *tiny, *sorted(decoders)])


DISTINCT = list({structure(path): path for path in reversed(PRESETS)}.values())
each_preset = pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
each_structure = pytest.mark.parametrize("path", DISTINCT, ids=lambda path: path.stem)


@pytest.fixture
def tiny(make_light, tmp_path, request):
    """A function that turns a preset into a training of two steps on tiny data."""

    def get(path, name="run"):
        cfg = load_config(path)
        folder = request.getfixturevalue(FOLDER_OF[next(iter(innermost_datasets(cfg.train_dataloader.dataset))).type])
        cfg = make_light(load_config(path, {"data_root": str(folder)}), folder, tmp_path / name)
        cfg.model = shrink(cfg.model.to_dict())
        limit = "max_epochs" if cfg.train_cfg.by_epoch else "max_iters"
        cfg.train_cfg.update({limit: 2, "val_interval": 2})
        cfg.default_hooks.checkpoint.update(interval=1, max_keep_ckpts=-1)
        cfg.default_hooks.pop("visualization")
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type not in ("CurvesHook", "SummaryHook")]
        return cfg

    return get


def test_names_contain_the_dataset():
    """Work directories have the name of the config, without its folder."""
    prefixes = dict(nyud_mt="nyud_", pascal_context="pascal_", synthrooms_mt="rooms_")
    assert all(path.name.startswith(prefixes[path.parent.name]) for path in PRESETS)


@each_preset
def test_the_network_is_built_with_its_tasks_metrics_and_schedule(path):
    cfg = load_config(path)
    drop_pretrained(cfg)
    model = MODELS.build(shrink(cfg.model.to_dict()))
    assert isinstance(model, MultiTaskModel)
    assert {METRICS.build(metric).task for metric in cfg.val_evaluator} == set(model.tasks)
    for part in innermost_datasets(cfg.train_dataloader.dataset):
        sources = {"semseg", "instances"} if "panoptic" in model.tasks else set()  # PanopticFromInstances
        assert set(part.get("tasks", ())) <= set(model.tasks) | sources, "only labels that are used are read"


@each_preset
def test_a_preset_trains_two_steps_and_is_evaluated(path, tiny):
    cfg = tiny(path)
    runner = build_runner(cfg)
    before = copy.deepcopy(runner.model.state_dict())
    runner.train()
    assert runner.iter == 2
    for task in runner.model.tasks:
        moved = [
            n for n, p in runner.model.heads[task].named_parameters() if not torch.equal(p, before[f"heads.{task}.{n}"])
        ]
        assert moved, f"the head of {task} was not trained"
    scores = runner.message_hub.log_scalars
    for metric in map(METRICS.build, cfg.val_evaluator):
        assert any(name.startswith(f"val/{metric.prefix}/") for name in scores)
    assert math.isfinite(scores["train/loss"].current())


@each_structure
def test_a_killed_training_resumes(path, tiny):
    runner = build_runner(tiny(path))
    runner.train()
    first = sorted(Path(runner.work_dir).glob("*_1.pth"))[0]
    cfg = tiny(path, "resumed")
    cfg.update(load_from=str(first), resume=True)
    resumed = build_runner(cfg)
    resumed.train()
    expected = runner.model.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.model.state_dict().items())


@each_structure
def test_a_network_is_exported_and_computes_single_tasks(path, tiny, tmp_path):
    torch.manual_seed(0)
    model = MODELS.build(tiny(path).model).eval()
    exported = export_model(model, "onnx", tmp_path / "net.onnx", (64, 96), tasks=[model.tasks[-1]])
    assert list(exported.signature.tasks) == [model.tasks[-1]]
