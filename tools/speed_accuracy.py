"""Draw accuracy against speed: python tools/speed_accuracy.py WORK_DIR [WORK_DIR ...] --metric semseg/mIoU

Each WORK_DIR is a finished training with its scores in it: tools/test.py CONFIG CHECKPOINT --out WORK_DIR/metrics.json.
All networks take turns in one run, each at the size that it predicts at.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from mtl_plugins.backends import BACKENDS
from mtl_plugins.benchmark.speed_accuracy import measure_speed_accuracy
from mtl_plugins.cli.run_command import run_command
from mtl_plugins.visualization import plot_speed_accuracy


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work_dirs", nargs="+", metavar="WORK_DIR")
    parser.add_argument("--metric", default="semseg/mIoU", help="as metrics.json names it (%(default)s)")
    parser.add_argument(
        "--backends", nargs="+", default=["torch"], metavar="NAME", help=f"of {', '.join(BACKENDS)} (torch)"
    )
    parser.add_argument("--steps", type=int, default=10, metavar="N", help="images a turn (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns of each (%(default)s)")
    parser.add_argument("--out", default="speed_accuracy.png", metavar="FILE.png", help="the picture (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there")
    args = parser.parse_args()
    if min(args.steps, args.rounds) < 1:
        parser.error("--steps and --rounds are 1 or more.")
    return args


def main():
    args = parse_args()
    rows = measure_speed_accuracy(args.work_dirs, args.metric, args.backends, args.rounds, args.steps)
    for row in rows:
        size, millions = f"{row.height}x{row.width}", row.parameters / 1e6
        figures = f"{row.latency_ms_median:.1f} ms, {args.metric} {row.score:.4g}"
        print(f"{row.network}, {size}, {millions:.2f} M, {row.backend}: {figures}")
    if args.json:
        Path(args.json).parent.mkdir(parents=True, exist_ok=True)
        Path(args.json).write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    print(f"picture: {plot_speed_accuracy(rows, args.metric, args.out)}")


if __name__ == "__main__":
    run_command(main)
