"""Train a network, for example: mtl train hydranet_nyud --cfg-options data_root=data/nyud"""

import argparse
from collections.abc import Sequence

from mtl_plugins.apis import build_runner
from mtl_plugins.apis.config import require_dataloader

from .options import add_config, add_run_options, load_run_config, make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl train`."""
    parser = make_parser(__doc__, prog)
    add_config(parser)
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="PATH",
        help="resume from the checkpoint PATH (default: the newest complete one in the work directory, if any)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="delete the checkpoints of an earlier run in the work directory"
    )
    parser.add_argument("--amp", action="store_true", help="train in bfloat16 mixed precision on any hardware")
    add_run_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl train`."""
    args = parse_args(argv, prog)
    cfg = load_run_config(args)
    require_dataloader(cfg, "train_dataloader")
    if args.amp:
        cfg.optim_wrapper.type = "AutocastOptimWrapper"
        cfg.optim_wrapper.precision = "bfloat16"
    if args.overwrite:
        if args.resume:
            raise ValueError(
                "--overwrite deletes the checkpoints that --resume would continue from: choose one of them."
            )
        checkpoints = cfg.setdefault("default_hooks", {}).setdefault("checkpoint", dict(type="AtomicCheckpointHook"))
        checkpoints["overwrite"] = True
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == "auto" else args.resume
    build_runner(cfg).train()
