"""Measure training speed: python tools/benchmark.py CONFIG [--size H W] [--json FILE]

Three comparisons, each within this one run: the config's training step against a plain one (eager, NCHW, float32,
unfused optimiser); the Runner against a bare loop; the images a second of one data worker against training.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from mmengine.config import DictAction

from mtl_plugins.apis import load_config
from mtl_plugins.apis.benchmark import DEFAULT_SIZE, Setting, benchmark_training, machine
from mtl_plugins.apis.cli import run_command
from mtl_plugins.apis.timing import format_section


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="config file, or the name of a preset")
    parser.add_argument(
        "--size", type=int, nargs=2, default=DEFAULT_SIZE, metavar=("H", "W"), help="default: %(default)s"
    )
    parser.add_argument("--batch-size", type=int, metavar="N", help="default: the config's")
    parser.add_argument("--steps", type=int, default=Setting.steps, metavar="N", help="batches a turn (%(default)s)")
    parser.add_argument("--rounds", type=int, default=Setting.rounds, metavar="N", help="turns of each (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="override the config")
    return parser.parse_args()


def main():
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    size = tuple(args.size)
    batch_size = args.batch_size if args.batch_size is not None else cfg.train_dataloader.batch_size
    setting = Setting(size, batch_size, args.steps, args.rounds)
    about = {"config": str(args.config), **machine(setting)}
    print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    sections = []
    for section in benchmark_training(cfg, setting):
        sections.append(section)
        print(f"\n{format_section(section)}", flush=True)
    if args.json:
        rows = [asdict(row) for section in sections for row in section.rows]
        figures = {name: value for section in sections for name, value in section.figures.items()}
        Path(args.json).parent.mkdir(parents=True, exist_ok=True)
        Path(args.json).write_text(json.dumps(dict(about=about, rows=rows, figures=figures), indent=2) + "\n")


if __name__ == "__main__":
    run_command(main)
