"""Rerun a measured experiment, for example: mtl experiments rooms --seeds 0 1 2

Trains and evaluates each stage in a folder of its own: teachers once, with the first seed; the other stages with every
seed. Finished stages are kept and interrupted ones resumed. Prints the table of the documentation, and, if the last
joint stage is an upper bound, the share of the gap from the first to the last that each stage in between closes.

kitti-drive is the experiment of docs/kitti_drive.md. Its data_root has the folders kitti_drive (written by
`mtl prepare kitti-depth`), kitti_semantic and camvid.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from mtl_plugins.files import read_json, write_text
from mtl_plugins.visualization import markdown_table, mean_and_spread

from . import kitti_drive_stages as kitti_drive
from .options import add_seeds, make_parser
from .teacher_checkpoints import DEFAULT_FOLDER, teacher_checkpoints
from .training_jobs import METRICS, evaluate, run_logged, train

# Stages in the order of training; teachers come first, because the others depend on them.
TEACHERS = {
    "rooms": ["rooms_depth_teacher", "rooms_classes_teacher"],
    "camvid": ["camvid_quarter_teacher"],
    "one_label": ["one_label_classes_teacher", "one_label_depth_teacher", "one_label_normals_teacher"],
    "real": ["real_only_depth", "real_only_camvid"],
    "kitti-drive": [kitti_drive.DEPTH_TEACHER, kitti_drive.CAMVID_TEACHER],
}
STAGES = {
    "rooms": ["rooms_only_classes", "rooms_masked", "rooms_one_teacher", "rooms_two_teachers", "rooms_ceiling"],
    "camvid": ["camvid_quarter", "camvid_quarter_pseudo", "camvid_quarter_ceiling"],
    "one_label": ["one_label_masked", "one_label_teachers", "one_label_ceiling"],
    "real": ["real_only_iddlite", "real_masked", "real_teachers"],
    "kitti-drive": kitti_drive.STAGES,
}
FOLDERS = {"real": "real_joint", "kitti-drive": kitti_drive.FOLDER}  # of the configs; the default is "distillation"
FIRST_JOINT_STAGE = {"rooms": "rooms_masked", "camvid": "camvid_quarter", "one_label": "one_label_masked"}
SCORES = {
    "semseg/mIoU": "mIoU %",
    "iddlite/semseg/mIoU": "IDD-Lite mIoU %",
    "camvid/semseg/mIoU": "CamVid mIoU %",
    "labelled/semseg/mIoU": "KITTI mIoU %",
    "depth/rmse": "depth RMSE m",
    "kitti/depth/rmse": "KITTI depth RMSE m",
    "drive/depth/rmse": "KITTI depth RMSE m",
    "normals/mean": "normals deg",
}


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl experiments`."""
    parser = make_parser(__doc__, prog)
    parser.add_argument("experiment", choices=sorted(STAGES), help="name of the experiment")
    add_seeds(parser)
    parser.add_argument(
        "--work-dirs", default=DEFAULT_FOLDER, metavar="DIR", help="parent of all folders (%(default)s)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the scores of each run to this file")
    parser.add_argument(
        "--teacher-weights", metavar="FILE", help="camvid: the teacher's ImageNet weights, if the hub is unreachable"
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="override settings of the configs of all stages, such as data_root=DIR model.backbone.pretrained=FILE",
    )
    parser.add_argument(
        "--cityscapes", metavar="FILE.onnx", help="kitti-drive: a network for Cityscapes, which adds a stage"
    )
    args = parser.parse_args(argv)
    if args.cityscapes and args.experiment != "kitti-drive":
        parser.error("--cityscapes is for kitti-drive.")
    if args.teacher_weights and args.experiment != "camvid":
        parser.error(f"--teacher-weights is for camvid: the teachers of {args.experiment} start from scratch.")
    for option, path in (("--cityscapes", args.cityscapes), ("--teacher-weights", args.teacher_weights)):
        if path and not Path(path).is_file():  # otherwise found after hours
            parser.error(f"{option} {path} does not exist or is not a file.")
    return args


class Run(NamedTuple):
    """One training of a stage.

    Attributes:
        stage: Name of the stage and of its config.
        seed: Random seed.
        folder: Work directory.
        options: Settings of the config, as in `--cfg-options`.
        configs: Folder of the config; empty for a preset without a folder.
    """

    stage: str
    seed: int
    folder: Path
    options: Sequence[str]
    configs: str


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl experiments`."""
    args = parse_args(argv, prog)
    is_drive = args.experiment == "kitti-drive"
    scores: dict[str, list[dict[str, float]]] = {}
    for run in kitti_drive_runs(args) if is_drive else planned_runs(args):
        scores.setdefault(run.stage, []).append(run_stage(*run))
    if args.json:
        write_text(args.json, json.dumps(scores, indent=1) + "\n")
    if is_drive:
        root, _ = kitti_drive.split_data_root(args.cfg_options)
        scores["(the best constant)"] = [kitti_drive.constant_scores(_drive_stages(args)[-1], root)]
    print(table(scores))
    if args.experiment in FIRST_JOINT_STAGE:
        stages = STAGES[args.experiment]
        print("\n".join(gaps_closed(scores, stages[stages.index(FIRST_JOINT_STAGE[args.experiment]) :])))


def planned_runs(args: argparse.Namespace) -> Iterator[Run]:
    """The runs of all experiments but kitti-drive, in the order of training."""
    work_dirs, settings = Path(args.work_dirs), args.cfg_options
    options = [f"model.backbone.pretrained={args.teacher_weights}"] if args.teacher_weights else []
    configs = FOLDERS.get(args.experiment, "distillation")
    for stage in TEACHERS[args.experiment]:
        yield Run(stage, args.seeds[0], work_dirs / stage, [*options, *settings], configs)
    for seed in args.seeds:
        for stage in STAGES[args.experiment]:
            teachers = teacher_checkpoints(f"{configs}/{stage}", work_dirs)
            yield Run(stage, seed, work_dirs / f"{stage}_seed{seed}", [*teachers, *settings], configs)


def kitti_drive_runs(args: argparse.Namespace) -> Iterator[Run]:
    """The runs on a drive of KITTI, in the order of training. Writes a stage's labels before it yields its runs."""
    root, others = kitti_drive.split_data_root(args.cfg_options)
    work_dirs, configs = Path(args.work_dirs), FOLDERS[args.experiment]
    settings, of_camvid = [f"data_root={root}", *others], [f"data_root={root}/camvid", *others]
    camvid = work_dirs / kitti_drive.CAMVID_TEACHER
    depth_teacher = kitti_drive.DEPTH_TEACHER
    yield Run(depth_teacher, args.seeds[0], work_dirs / configs / depth_teacher, settings, configs)
    yield Run(kitti_drive.CAMVID_TEACHER, args.seeds[0], camvid, of_camvid, "")
    for stage in _drive_stages(args):
        options = settings
        if teachers := kitti_drive.teacher_options(stage, work_dirs, args.cityscapes):
            folder, options = work_dirs / configs / f"{stage}_labels", [*settings, *teachers]
            files, preset = folder / "files", f"{configs}/{stage}"
            run_logged(folder, "pseudo-label", preset, "--out", files, "--cfg-options", *options)
            dataset = f"train_dataloader.dataset.datasets.{kitti_drive.DATASET}"
            options = [*options, f"{dataset}.pseudo_labels={files / kitti_drive.DATASET}"]
        for seed in args.seeds:
            yield Run(stage, seed, work_dirs / configs / f"{stage}_seed{seed}", options, configs)


def _drive_stages(args: argparse.Namespace) -> list[str]:
    return [*STAGES[args.experiment], *([kitti_drive.AVERAGED] if args.cityscapes else [])]


def run_stage(
    stage: str, seed: int, folder: Path, options: Sequence[str] = (), configs: str = "distillation"
) -> dict[str, float]:
    """Train and evaluate one stage unless its metrics exist; returns the metrics.

    Args:
        stage: Name of the stage's config.
        seed: Random seed.
        folder: Work directory.
        options: Settings of the config, as in `--cfg-options`.
        configs: Folder of the config; empty for a preset without a folder.
    """
    result, config = folder / METRICS, f"{configs}/{stage}".lstrip("/")
    if not result.is_file():
        print(f"{stage}, seed {seed}", flush=True)
        settings = [f"randomness.seed={seed}", *options]
        train(config, folder, settings)
        evaluate(config, folder, settings)
    return read_json(result)


def table(scores: dict[str, list[dict[str, float]]]) -> str:
    """Mean and standard deviation of each stage's scores, as a Markdown table."""
    columns = [key for key in SCORES if any(key in runs[0] for runs in scores.values())]
    rows = []
    for stage, runs in scores.items():
        found = [[run[key] for run in runs if run.get(key) is not None] for key in columns]
        cells = [mean_and_spread(values, digits=1 if max(values, default=0) > 5 else 3) for values in found]
        rows.append([stage, str(len(runs)), *cells])
    return markdown_table(["stage", "runs", *(SCORES[key] for key in columns)], rows)


def gaps_closed(scores: dict[str, list[dict[str, float]]], stages: list[str]) -> list[str]:
    """One line per score: the gap between the first and the last stage, and the share that the others close."""
    lines = []
    for key, name in SCORES.items():
        runs = {stage: [run[key] for run in scores[stage] if run.get(key) is not None] for stage in stages}
        if not all(runs.values()):
            continue
        first, *others, last = ((stage, mean(values)) for stage, values in runs.items())
        gap = last[1] - first[1]
        shares = [f"{stage} {100 * (value - first[1]) / gap:.0f} %" for stage, value in others if gap]
        lines.append(f"{name}: {last[0]} - {first[0]} = {gap:.3g}; closed by {', '.join(shares)}")
    return lines
