"""``python tools/prepare_dataset.py synthrooms``."""

from .write import prepare_synthrooms


def add_arguments(parser):
    parser.add_argument("--out", default="data/synthrooms", metavar="DIR")
    parser.add_argument("--num-train", type=int, default=700, metavar="N")
    parser.add_argument("--num-val", type=int, default=100, metavar="N")
    parser.add_argument("--size", type=int, nargs=2, default=(240, 320), metavar=("H", "W"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")


def prepare(args):
    prepare_synthrooms(args.out, args.num_train, args.num_val, tuple(args.size), seed=args.seed, workers=args.workers)
