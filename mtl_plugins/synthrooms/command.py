"""The options of `mtl prepare synthrooms`."""

import argparse

from .prepare_synthrooms import prepare_synthrooms


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `prepare` to a parser."""
    parser.add_argument(
        "--out", default="data/synthrooms", metavar="DIR", help="folder to write (default: %(default)s)"
    )
    parser.add_argument(
        "--num-train", type=int, default=700, metavar="N", help="training images (default: %(default)s)"
    )
    parser.add_argument(
        "--num-val", type=int, default=100, metavar="N", help="validation images (default: %(default)s)"
    )
    parser.add_argument(
        "--size", type=int, nargs=2, default=(240, 320), metavar=("H", "W"), help="pixels (default: 240 320)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the set (default: %(default)s)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one per core)")


def prepare(args: argparse.Namespace) -> None:
    """Render a set with the options of `add_arguments`."""
    prepare_synthrooms(args.out, args.num_train, args.num_val, tuple(args.size), seed=args.seed, workers=args.workers)
