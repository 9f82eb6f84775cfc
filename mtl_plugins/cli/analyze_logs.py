"""Plot curves of several runs, for example: mtl analyze-logs work_dirs/a work_dirs/b --metric semseg/mIoU

Each RUN_DIR is the work directory of a training; all its starts are joined. A metric that only some of the runs have is
plotted for these.
"""

import argparse
from collections.abc import Sequence

from mtl_plugins.visualization import plot_runs, read_runs

from .options import make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl analyze-logs`."""
    parser = make_parser(__doc__, prog)
    parser.add_argument("run_dirs", nargs="+", metavar="RUN_DIR", help="work directory of a training")
    parser.add_argument(
        "--metric",
        nargs="+",
        required=True,
        metavar="NAME",
        help="metrics of the validation (semseg/mIoU) or values of the training (loss, depth.loss_berhu, lr)",
    )
    parser.add_argument("--out", default="curves.png", metavar="FILE.png", help="the picture (%(default)s)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl analyze-logs`."""
    args = parse_args(argv, prog)
    curves = read_runs(args.run_dirs, args.metric)
    for metric, runs in curves.items():
        print(metric)
        for curve in runs:
            print(f"  {curve}")
    print(f"picture: {plot_runs(curves, args.out)}")
