"""Plot accuracy against speed, for example: mtl speed-accuracy work_dirs/a work_dirs/b --metric semseg/mIoU

Each WORK_DIR holds a finished training and its metrics: mtl test CONFIG CHECKPOINT --out WORK_DIR/metrics.json
All networks are measured alternately in one run, each at the size at which it predicts.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

from mtl_plugins.backends import BACKENDS
from mtl_plugins.benchmark import measure_speed_accuracy
from mtl_plugins.files import write_text
from mtl_plugins.visualization import plot_speed_accuracy

from .options import make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl speed-accuracy`."""
    parser = make_parser(__doc__, prog)
    parser.add_argument("work_dirs", nargs="+", metavar="WORK_DIR", help="work directory of a finished training")
    parser.add_argument("--metric", default="semseg/mIoU", help="name of the metric in metrics.json (%(default)s)")
    parser.add_argument(
        "--backends", nargs="+", default=["torch"], metavar="NAME", help=f"choose from {', '.join(BACKENDS)} (torch)"
    )
    parser.add_argument("--steps", type=int, default=10, metavar="N", help="images per turn (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="turns of each (%(default)s)")
    parser.add_argument("--out", default="speed_accuracy.png", metavar="FILE.png", help="the picture (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the numbers to this file")
    args = parser.parse_args(argv)
    if min(args.steps, args.rounds) < 1:
        parser.error(f"--steps {args.steps} --rounds {args.rounds}: both must be at least 1.")
    return args


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl speed-accuracy`."""
    args = parse_args(argv, prog)
    rows = measure_speed_accuracy(args.work_dirs, args.metric, args.backends, args.rounds, args.steps)
    for row in rows:
        size, millions = f"{row.height}x{row.width}", row.parameters / 1e6
        figures = f"{row.latency_ms_median:.1f} ms, {args.metric} {row.score:.4g}"
        print(f"{row.network}, {size}, {millions:.2f} M, {row.backend}: {figures}")
    if args.json:
        write_text(args.json, json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    picture = plot_speed_accuracy(rows, args.metric, args.out)  # type: ignore[arg-type]  # rows are read-only
    print(f"picture: {picture}")
