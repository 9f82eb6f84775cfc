"""Prepare a dataset: python tools/prepare_dataset.py synthrooms [--out data/synthrooms]"""

import argparse

from mtl_plugins.apis.cli import run_command


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    datasets = parser.add_subparsers(dest="dataset", required=True, metavar="NAME")
    rooms = datasets.add_parser("synthrooms", help="render furnished rooms; needs no download")
    rooms.add_argument("--out", default="data/synthrooms", metavar="DIR")
    rooms.add_argument("--num-train", type=int, default=700, metavar="N")
    rooms.add_argument("--num-val", type=int, default=100, metavar="N")
    rooms.add_argument("--size", type=int, nargs=2, default=(240, 320), metavar=("H", "W"))
    rooms.add_argument("--seed", type=int, default=0)
    rooms.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")
    rooms.set_defaults(prepare=prepare_synthrooms)
    args = parser.parse_args()
    args.prepare(args)


def prepare_synthrooms(args):
    from mtl_plugins.datasets.synthrooms import prepare_synthrooms

    prepare_synthrooms(args.out, args.num_train, args.num_val, tuple(args.size), seed=args.seed, workers=args.workers)


if __name__ == "__main__":
    run_command(main)
