"""Rerun a measured experiment, for example: mtl experiments rooms --seeds 0 1 2

Trains and evaluates each stage in a folder of its own: teachers once, with the first seed; the other stages with every
seed. Finished stages are kept and interrupted ones resumed. Prints the table of docs/distillation.md, and, if the last
joint stage is an upper bound, the share of the gap from the first to the last that each stage in between closes.

kitti-drive is the experiment of docs/kitti_drive.md. Its data_root has the folders kitti_drive (written by
`mtl prepare kitti-depth`), kitti_semantic and camvid.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from mtl_plugins.engine import find_checkpoint
from mtl_plugins.files import read_json, write_text

from . import kitti_drive_stages as kitti_drive
from .options import make_parser

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
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="random seeds (0 1 2)")
    parser.add_argument("--work-dirs", default="work_dirs", metavar="DIR", help="parent of all folders (%(default)s)")
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
    return args


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl experiments`."""
    args = parse_args(argv, prog)
    if args.experiment == "kitti-drive":
        run_kitti_drive(args)
        return
    scores: dict[str, list[dict[str, float]]] = {}
    options = [f"model.backbone.pretrained={args.teacher_weights}"] if args.teacher_weights else []
    configs, settings = FOLDERS.get(args.experiment, "distillation"), args.cfg_options
    for stage in TEACHERS[args.experiment]:
        folder = Path(args.work_dirs) / stage
        scores[stage] = [run_stage(stage, args.seeds[0], folder, [*options, *settings], configs)]
    for seed in args.seeds:
        for stage in STAGES[args.experiment]:
            folder = Path(args.work_dirs) / f"{stage}_seed{seed}"
            scores.setdefault(stage, []).append(run_stage(stage, seed, folder, settings, configs))
    if args.json:
        write_text(args.json, json.dumps(scores, indent=1) + "\n")
    print(table(scores))
    if args.experiment in FIRST_JOINT_STAGE:
        stages = STAGES[args.experiment]
        print("\n".join(gaps_closed(scores, stages[stages.index(FIRST_JOINT_STAGE[args.experiment]) :])))


def run_kitti_drive(args: argparse.Namespace) -> None:
    """Run the stages on a drive of KITTI and print their table."""
    root, others = kitti_drive.split_data_root(args.cfg_options)
    work_dirs, settings = Path(args.work_dirs), [f"data_root={root}", *others]
    camvid = work_dirs / kitti_drive.CAMVID_TEACHER
    of_camvid = [f"data_root={root}/camvid", *others]
    configs, scores = FOLDERS[args.experiment], {}
    for stage, folder, options, where in (
        (kitti_drive.DEPTH_TEACHER, work_dirs / configs / kitti_drive.DEPTH_TEACHER, settings, configs),
        (kitti_drive.CAMVID_TEACHER, camvid, of_camvid, ""),
    ):
        scores[stage] = [run_stage(stage, args.seeds[0], folder, options, where)]
    stages = [*STAGES[args.experiment], *([kitti_drive.AVERAGED] if args.cityscapes else [])]
    for stage in stages:
        options = settings
        if teachers := kitti_drive.teacher_options(stage, camvid, args.cityscapes):
            folder, options = work_dirs / configs / f"{stage}_labels", [*settings, *teachers]
            files, preset = folder / "files", f"{configs}/{stage}"
            _run(folder, "pseudo-label", preset, "--out", files, "--cfg-options", *options)
            dataset = f"train_dataloader.dataset.datasets.{kitti_drive.DATASET}"
            options = [*options, f"{dataset}.pseudo_labels={files / kitti_drive.DATASET}"]
        for seed in args.seeds:
            folder = work_dirs / configs / f"{stage}_seed{seed}"
            scores.setdefault(stage, []).append(run_stage(stage, seed, folder, options, configs))
    if args.json:
        write_text(args.json, json.dumps(scores, indent=1) + "\n")
    print(table(scores | {"(the best constant)": [kitti_drive.constant_scores(stages[-1], root)]}))


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
    result, config = folder / "metrics.json", f"{configs}/{stage}".lstrip("/")
    if not result.is_file():
        print(f"{stage}, seed {seed}", flush=True)
        options = ["--cfg-options", f"randomness.seed={seed}", *options]
        _run(folder, "train", config, "--work-dir", folder, "--resume", *options)
        _run(folder, "test", config, find_checkpoint(folder), "--work-dir", folder, "--out", result, *options)
    return read_json(result)


def _run(folder: Path, command: str, *arguments: object) -> None:
    """Run a command in a process of its own and append its output to a log in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "console.log", "a") as log:
        words = [sys.executable, "-m", "mtl_plugins", command, *map(str, arguments)]
        done = subprocess.run(words, stdout=log, stderr=subprocess.STDOUT)
    if done.returncode:
        raise ValueError(
            f"mtl {command} failed: see {log.name}. Fix it and run this command again: finished stages are kept."
        )


def table(scores: dict[str, list[dict[str, float]]]) -> str:
    """Mean and standard deviation of each stage's scores, as a Markdown table."""
    columns = [key for key in SCORES if any(key in runs[0] for runs in scores.values())]
    lines = ["| stage | runs | " + " | ".join(SCORES[key] for key in columns) + " |"]
    lines.append("|" + "---|" * (2 + len(columns)))
    for stage, runs in scores.items():
        cells = [_cell([run[key] for run in runs if run.get(key) is not None]) for key in columns]
        lines.append(f"| {stage} | {len(runs)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


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


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "–"
    digits = 1 if max(values) > 5 else 3
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{spread}"
