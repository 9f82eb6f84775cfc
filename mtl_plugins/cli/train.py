"""Train a network, for example: mtl train hydranet_nyud --cfg-options data_root=data/nyud"""

import argparse
import os
from collections.abc import Sequence
from contextlib import nullcontext

from mtl_plugins.apis import build_runner
from mtl_plugins.apis.config import require_dataloader
from mtl_plugins.engine.checkpoint import run_files
from mtl_plugins.engine.restarts import restart_count
from mtl_plugins.engine.resumable_runner import RESUME_IF_ANY
from mtl_plugins.files import FolderLock

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
    parser.add_argument(
        "--requeue",
        action="store_true",
        help="on a signal, put the Slurm job back into the queue after saving a checkpoint; it then resumes",
    )
    parser.add_argument("--amp", action="store_true", help="train in bfloat16 mixed precision on any hardware")
    add_run_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl train`."""
    args = parse_args(argv, prog)
    cfg = load_run_config(args)
    if restart_count() and run_files(cfg.work_dir):  # continue the first start, whatever it started from
        args.resume, args.overwrite = "auto", False
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
        if args.resume == "auto":
            cfg.resume = RESUME_IF_ANY
        else:
            cfg.resume, cfg.load_from = True, args.resume
    if args.requeue:
        cfg.default_hooks.preemption = {**(cfg.default_hooks.get("preemption") or {}), "requeue": True}
    with FolderLock(cfg.work_dir, "a training") if _is_first_process() else nullcontext():
        build_runner(cfg).train()


def _is_first_process() -> bool:
    """Whether this is the main process, before the process group exists."""
    ranks = [os.environ[name] for name in ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK") if name in os.environ]
    return not ranks or ranks[0] == "0"
