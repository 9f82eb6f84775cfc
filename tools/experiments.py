"""Rerun a measured experiment: python tools/experiments.py rooms --seeds 0 1 2

Trains each stage (work_dirs/<stage>, teachers once, the others with each seed), goes on where it was stopped, and
prints the table of docs/distillation.md, and how much of the way from the first to the last of the joint stages the
others go.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from mmengine.runner import find_latest_checkpoint

from mtl_plugins.cli.run_command import run_command

HERE = Path(__file__).resolve().parent
# Stages in their order; those that others stand on are trained once, with the first seed.
TEACHERS = {
    "rooms": ["rooms_depth_teacher", "rooms_classes_teacher"],
    "camvid": ["camvid_quarter_teacher"],
    "one_label": ["one_label_classes_teacher", "one_label_depth_teacher", "one_label_normals_teacher"],
}
STAGES = {
    "rooms": ["rooms_only_classes", "rooms_masked", "rooms_one_teacher", "rooms_two_teachers", "rooms_ceiling"],
    "camvid": ["camvid_quarter", "camvid_quarter_pseudo", "camvid_quarter_ceiling"],
    "one_label": ["one_label_masked", "one_label_teachers", "one_label_ceiling"],
}
FIRST = {"rooms": "rooms_masked", "camvid": "camvid_quarter", "one_label": "one_label_masked"}
SCORES = {"semseg/mIoU": "mIoU %", "depth/rmse": "depth RMSE m", "normals/mean": "normals deg"}


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=sorted(STAGES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work-dirs", default="work_dirs", metavar="DIR")
    parser.add_argument("--json", metavar="FILE", help="write the scores of each run there")
    parser.add_argument(
        "--teacher-weights", metavar="FILE", help="camvid: ImageNet weights of the teacher, if the hub can't be reached"
    )
    args = parser.parse_args()
    if args.teacher_weights and args.experiment != "camvid":
        parser.error(f"--teacher-weights is for camvid: the teachers of {args.experiment} start from scratch.")
    return args


def main():
    args = parse_args()
    scores = {}
    options = [f"model.backbone.pretrained={args.teacher_weights}"] if args.teacher_weights else []
    for stage in TEACHERS[args.experiment]:
        scores[stage] = [run_stage(stage, args.seeds[0], Path(args.work_dirs) / stage, options)]
    for seed in args.seeds:
        for stage in STAGES[args.experiment]:
            folder = Path(args.work_dirs) / f"{stage}_seed{seed}"
            scores.setdefault(stage, []).append(run_stage(stage, seed, folder))
    if args.json:
        Path(args.json).write_text(json.dumps(scores, indent=1) + "\n")
    print(table(scores))
    stages = STAGES[args.experiment]
    print("\n".join(gaps_closed(scores, stages[stages.index(FIRST[args.experiment]) :])))


def run_stage(stage: str, seed: int, folder: Path, options: Sequence[str] = ()) -> dict[str, float]:
    """Train and evaluate one stage, unless it is done; its scores."""
    result, config = folder / "metrics.json", HERE.parent / "configs" / "distillation" / f"{stage}.py"
    if not result.is_file():
        print(f"{stage}, seed {seed}", flush=True)
        options = [f"randomness.seed={seed}", *options]
        _tool(folder, "train.py", config, "--work-dir", folder, "--resume", "--cfg-options", *options)
        _tool(folder, "test.py", config, find_latest_checkpoint(str(folder)), "--work-dir", folder, "--out", result)
    return json.loads(result.read_text())


def _tool(folder, name, *arguments):
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "console.log", "a") as log:
        command = [sys.executable, HERE / name, *arguments]
        done = subprocess.run([str(part) for part in command], stdout=log, stderr=subprocess.STDOUT)
    if done.returncode:
        raise ValueError(f"{name} failed: see {log.name}. Mend it and run this again: finished stages are kept.")


def table(scores: dict[str, list[dict[str, float]]]) -> str:
    """Mean and spread (standard deviation) of each stage's scores, as a Markdown table."""
    columns = [key for key in SCORES if any(key in runs[0] for runs in scores.values())]
    lines = ["| stage | runs | " + " | ".join(SCORES[key] for key in columns) + " |"]
    lines.append("|" + "---|" * (2 + len(columns)))
    for stage, runs in scores.items():
        cells = [_cell([run[key] for run in runs if run.get(key) is not None]) for key in columns]
        lines.append(f"| {stage} | {len(runs)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def gaps_closed(scores: dict[str, list[dict[str, float]]], stages: list[str]) -> list[str]:
    """A sentence for each score: the gap between the first and the last stage, and what share the others close."""
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


def _cell(values):
    if not values:
        return "–"
    digits = 1 if max(values) > 5 else 3
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{spread}"


if __name__ == "__main__":
    run_command(main)
