"""A user-defined task: head, loss and metric in one file outside the package, and a config that uses them."""

import math
import shutil

import numpy as np
import pytest
from PIL import Image

from mtl_plugins.apis import MultiTaskInferencer, build_runner, load_config

CODE = """
import torch
from mtl_plugins.evaluation.task_metric import TaskMetric
from mtl_plugins.models.heads import DenseHead
from mtl_plugins.models.losses import DenseLoss
from mtl_plugins.registry import METRICS, MODELS


@MODELS.register_module()
class GazeHead(DenseHead):
    def __init__(self, *args, loss=dict(type="SquaredSigmoidLoss"), **kwargs):
        super().__init__(*args, out_channels=1, loss=loss, **kwargs)

    def predict(self, outputs, size):
        return super().predict(outputs, size).sigmoid()


@MODELS.register_module()
class SquaredSigmoidLoss(DenseLoss):
    name = "square"

    def compute(self, prediction, target):
        return (prediction.sigmoid() - target).square().sum() / max(target.numel(), 1)


@METRICS.register_module()
class GazeMetric(TaskMetric):
    score_names = ("mae",)

    def __init__(self, task="saliency", **kwargs):
        super().__init__(task, **kwargs)

    def statistics(self, prediction, target):
        return (prediction - target).abs().mean((1, 2, 3))

    def scores(self, results):
        return {"mae": torch.stack(results).mean().item()}

    def protocol(self):
        return "mean over images"
"""
CONFIG = """
_base_ = ["{preset}"]
custom_imports = dict(imports=["custom_saliency"])
labels = dict(saliency=dict(folder="saliency", reader="image"))
model = dict(heads=dict(normals=None, saliency=dict(type="GazeHead", loss=[
    dict(type="SquaredSigmoidLoss", loss_weight=2.0),
    dict(type="BinaryCrossEntropyLoss"),
])))
train_dataloader = dict(dataset=dict(labels=labels))
val_dataloader = dict(dataset=dict(labels=labels))
test_dataloader = val_dataloader
val_evaluator = [dict(type="DepthMetric"), dict(type="GazeMetric")]
test_evaluator = val_evaluator
"""
OPTIONS = {"model.backbone.model_name": "test_efficientnet", "model.neck.channels": 8}


@pytest.fixture
def data(nyud_folder, tmp_path):
    """The tiny NYUDv2 folder with a saliency map for all but one image."""
    folder = tmp_path / "data"
    shutil.copytree(nyud_folder, folder)
    (folder / "saliency").mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        picture = rng.integers(0, 256, (48, 64), dtype=np.uint8)
        Image.fromarray(picture).save(folder / "saliency" / f"{i}.png")
    for name in ("train.txt", "val.txt"):
        lines = (folder / name).read_text().splitlines()
        cells = [f"{line}\tsaliency/{line.split('.png')[0].split('/')[1]}.png" for line in lines]
        if name == "train.txt":
            cells[1] = lines[1] + "\t-"
        (folder / name).write_text("\n".join(cells) + "\n")
    return folder


@pytest.fixture(scope="module")
def folder_of_code(tmp_path_factory):
    """The folder of the user's module: a process can import only one module of this name."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "custom_saliency.py").write_text(CODE)
    return folder


@pytest.mark.parametrize("preset", ["hydranet_nyud_three", "hydranet_synthrooms"])
def test_a_user_defined_task_trains_and_predicts_without_changing_the_package(
    preset, root, data, tmp_path, make_light, folder_of_code
):
    config = folder_of_code / f"custom_{preset}.py"
    config.write_text(CONFIG.format(preset=root / "configs" / f"{preset}.py"))
    cfg = make_light(load_config(config, OPTIONS), data, tmp_path / "run")

    runner = build_runner(cfg)
    runner.train()
    scalars = runner.message_hub.log_scalars
    assert {name for name in scalars if "saliency" in name} >= {
        "train/saliency.loss_square",
        "train/saliency.loss_bce",
        "val/saliency/mae",
    }
    assert 0 < scalars["val/saliency/mae"].current() < 1
    assert math.isfinite(scalars["val/depth/rmse"].current())
    assert not any("normals" in name for name in scalars)

    checkpoint = next((tmp_path / "run").glob("*.pth"))
    maps = MultiTaskInferencer(config, checkpoint, device="cpu", cfg_options=OPTIONS)(data / "rgb" / "0.png")
    assert maps["saliency"].shape == (48, 64)
    assert 0 <= maps["saliency"].min() <= maps["saliency"].max() <= 1


def test_an_unknown_label_of_a_dataset_raises(data, root):
    from mtl_plugins.registry import DATASETS

    with pytest.raises(ValueError, match="has no label .*saliency.*labels=dict"):
        DATASETS.build(dict(type="NYUDv2", data_root=str(data), tasks=["saliency"]))
