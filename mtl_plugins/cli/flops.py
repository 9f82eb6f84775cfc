"""Count parameters and operations, for example: mtl flops hydranet_nyud --size 480 640

Prints them for the backbone (the trunk), the neck, each head, and for a network with only one of the tasks. A
multiplication and an addition count as two operations.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

import torch
from mmengine.registry import init_default_scope

from mtl_plugins.apis import load_config
from mtl_plugins.apis.config import drop_pretrained
from mtl_plugins.benchmark import DEFAULT_SIZE
from mtl_plugins.benchmark.part_costs import format_costs, part_costs
from mtl_plugins.benchmark.training_setting import training_size
from mtl_plugins.files import write_text
from mtl_plugins.registry import MODELS, SCOPE

from .options import add_cfg_options, add_config, make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl flops`."""
    parser = make_parser(__doc__, prog)
    add_config(parser)
    parser.add_argument(
        "--size", type=int, nargs=2, metavar=("H", "W"), help="image size (that of the training, if the config has one)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the numbers to this file")
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.size and min(args.size) < 1:
        parser.error(f"--size {args.size[0]} {args.size[1]}: must be positive numbers of pixels.")
    return args


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl flops`."""
    args = parse_args(argv, prog)
    cfg = load_config(args.config, args.cfg_options)
    drop_pretrained(cfg)
    init_default_scope(cfg.get("default_scope", SCOPE))
    if args.size:
        size = tuple(args.size)
    else:
        size = training_size(cfg) if cfg.get("train_dataloader") else DEFAULT_SIZE
    rows = part_costs(MODELS.build(cfg.model), torch.zeros(1, 3, *size))
    print(f"{args.config}, one image of {size[0]}x{size[1]} (height x width)\n{format_costs(rows)}")
    if args.json:
        write_text(args.json, json.dumps(dict(size=size, parts=[asdict(row) for row in rows]), indent=1) + "\n")
