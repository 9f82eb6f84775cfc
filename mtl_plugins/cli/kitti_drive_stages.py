"""The stages of the experiment "kitti-drive" of `mtl experiments`: one drive of KITTI, as in docs/kitti_drive.md."""

from collections.abc import Sequence
from pathlib import Path

from mmengine.registry import init_default_scope

from mtl_plugins.apis import load_config
from mtl_plugins.evaluation import trivial_scores
from mtl_plugins.registry import DATASETS, METRICS, SCOPE

from .teacher_checkpoints import teacher_checkpoints

FOLDER = "kitti_drive"
DEPTH_TEACHER, CAMVID_TEACHER = "depth_teacher", "hydranet_camvid_imagenet"
STAGES = ["only_classes", "student_masked", "student"]
#: The last stage, if there is a network for Cityscapes
AVERAGED = "student_averaged"
DATASET = "drive"  # whose images the teachers label


def split_data_root(settings: Sequence[str]) -> tuple[str, list[str]]:
    """The value of `data_root` in options of a config (`data` by default), and the other options."""
    others = [setting for setting in settings if not setting.startswith("data_root=")]
    given = [setting.partition("=")[2] for setting in settings if setting.startswith("data_root=")]
    return (given[-1] if given else "data"), others


def teacher_options(stage: str, work_dirs: Path, cityscapes: str | None) -> list[str]:
    """Options of a stage's config that name the files of its teachers; empty if it has none.

    Args:
        stage: Name of the stage.
        work_dirs: Parent of the work directory of the network trained on CamVid.
        cityscapes: The network for Cityscapes, an ONNX file.
    """
    options = teacher_checkpoints(f"{FOLDER}/{stage}", work_dirs)
    if stage == AVERAGED:
        key = options[0].partition(".average.")[0]
        options.append(f"{key}.average.1.model.file={cityscapes}")
    return options


def constant_scores(stage: str, data_root: str) -> dict[str, float]:
    """The scores of the best prediction that ignores the image, on the evaluation set of a stage."""
    cfg = load_config(f"{FOLDER}/{stage}", {"data_root": data_root})
    init_default_scope(SCOPE)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    metrics = [METRICS.build(metric) for metric in cfg.test_evaluator]
    for metric in metrics:
        metric.dataset_meta = dataset.metainfo
    return trivial_scores(dataset, metrics)
