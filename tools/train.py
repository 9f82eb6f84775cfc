"""Train a config: python tools/train.py configs/hydranet_nyud.py"""

import argparse

from mmengine.runner import find_latest_checkpoint

from mtl_plugins.apis import build_runner
from mtl_plugins.cli.run_command import load_run_config, parse_run_args, run_command


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file, or the name of a preset")
    parser.add_argument(
        "--resume", nargs="?", const="auto", metavar="PATH", help="go on from PATH, or from the last whole checkpoint"
    )
    parser.add_argument("--amp", action="store_true", help="mixed precision even where it is not the default")
    return parse_run_args(parser)


def main():
    args = parse_args()
    cfg = load_run_config(args)
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
