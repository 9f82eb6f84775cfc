"""Convert a published checkpoint to this project's names, for example: mtl convert SRC DST --from lwrefinenet"""

import argparse
from collections.abc import Sequence

from torch import Tensor

from mtl_plugins.engine import extract_state_dict, read_checkpoint, write_checkpoint
from mtl_plugins.engine.converters import CONVERTERS
from mtl_plugins.functional import tensor_fault

from .options import make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl convert`."""
    parser = make_parser(__doc__, prog)
    parser.add_argument("src", help="path of the published file")
    parser.add_argument("dst", help="path of the converted file")
    parser.add_argument("--from", dest="format", required=True, choices=sorted(CONVERTERS), help="format of SRC")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl convert`."""
    args = parse_args(argv, prog)
    checkpoint = read_checkpoint(args.src)
    weights = extract_state_dict(checkpoint, args.src)
    for name, weight in weights.items():
        if isinstance(weight, Tensor) and (fault := tensor_fault(weight)):
            raise ValueError(f"{args.src}: the weight {name} cannot be used: {fault}.")
    converted = CONVERTERS[args.format](weights)
    content = {"state_dict": converted, "meta": {"source": args.format}}
    write_checkpoint(args.dst, content)
    tasks = sorted({name.split(".")[1] for name in converted if name.startswith("heads.")})
    print(f"{args.dst}: {len(converted)} tensors" + (f", heads {', '.join(tasks)}" if tasks else ""))
