"""Train a config: python tools/train.py configs/hydranet_nyud.py"""

import argparse
import os
from pathlib import Path

from mmengine.config import DictAction
from mmengine.runner import find_latest_checkpoint

from mtl_plugins.apis import build_runner, load_config
from mtl_plugins.apis.cli import run_command


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file, or the name of a preset")
    parser.add_argument("--work-dir", help="where logs, checkpoints and pictures go (default: work_dirs/<config>)")
    parser.add_argument(
        "--resume", nargs="?", const="auto", metavar="PATH", help="go on from PATH, or from the last whole checkpoint"
    )
    parser.add_argument("--amp", action="store_true", help="mixed precision even where it is not the default")
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="override the config")
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    return args


def main():
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir or cfg.get("work_dir") is None:
        cfg.work_dir = args.work_dir or str(Path("work_dirs") / Path(args.config).stem)
    if args.amp:
        cfg.optim_wrapper.type = "AutocastOptimWrapper"
        cfg.optim_wrapper.precision = "bfloat16"
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == "auto" else args.resume
        if args.resume == "auto" and find_latest_checkpoint(cfg.work_dir) is None:
            print(f"--resume: there is no checkpoint in {cfg.work_dir}, training starts afresh")
    build_runner(cfg).train()


if __name__ == "__main__":
    run_command(main)
