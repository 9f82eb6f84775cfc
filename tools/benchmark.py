"""Measure speed: python tools/benchmark.py CONFIG [--what latency|training|kernels] [--size H W] [--json FILE]

latency: every installed backend against the plain network (eager, NCHW, float32), in turns within this one run.
training: the config's step against a plain one; the Runner against a bare loop; the images a second of one data worker
against training, and against PIL + numpy.
kernels: our own, of the decoder on the CPU, against PyTorch's operators.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch
from mmengine.config import DictAction
from mmengine.device import get_device

from mtl_plugins.apis import init_model, load_config
from mtl_plugins.apis.predict_pipeline import read_prepared
from mtl_plugins.backends import BACKENDS
from mtl_plugins.benchmark.kernel_benchmark import compare_kernels
from mtl_plugins.benchmark.latency import LatencySetting, benchmark_latency, format_rows
from mtl_plugins.benchmark.timing import format_section
from mtl_plugins.benchmark.training_benchmark import DEFAULT_SIZE, Setting, benchmark_training, machine
from mtl_plugins.cli.run_command import run_command


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="config file, or the name of a preset")
    parser.add_argument(
        "--what", nargs="+", choices=["latency", "training", "kernels"], default=["latency", "training"]
    )
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        action="append",
        metavar=("H", "W"),
        help=f"may be given several times; default: {LatencySetting.sizes[0]} for latency, {DEFAULT_SIZE} for others",
    )
    parser.add_argument("--backends", nargs="+", metavar="NAME", help=f"of {', '.join(BACKENDS)}; default: installed")
    parser.add_argument("--precisions", nargs="+", metavar="NAME", help="default: those that the hardware has")
    parser.add_argument("--as-written", action="store_true", help="latency: without rearranging the network")
    parser.add_argument("--batch", type=int, nargs="+", default=[1], metavar="N", help="latency: images at a time (1)")
    parser.add_argument("--checkpoint", help="latency: weights; speed does not depend on them, int8's difference does")
    parser.add_argument(
        "--calibrate", nargs="+", metavar="IMAGE", help="latency: images for int8's ranges (random ones)"
    )
    parser.add_argument("--batch-size", type=int, metavar="N", help="training, kernels: default: the config's")
    parser.add_argument("--steps", type=int, default=Setting.steps, metavar="N", help="batches a turn (%(default)s)")
    parser.add_argument("--rounds", type=int, default=Setting.rounds, metavar="N", help="turns of each (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="override the config")
    return parser.parse_args()


def main():
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    batch_size = args.batch_size if args.batch_size is not None else cfg.train_dataloader.batch_size
    setting = Setting(tuple((args.size or [DEFAULT_SIZE])[0]), batch_size, args.steps, args.rounds)
    if args.json:  # before all measuring: an hour's work shall not be lost
        try:
            Path(args.json).parent.mkdir(parents=True, exist_ok=True)
            Path(args.json).touch()
        except OSError as error:
            raise ValueError(f"--json: {args.json} can't be written ({error.strerror}): name another file.") from error
    about = {"config": str(args.config), **machine(setting)}
    print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    report = dict(about=about, rows=[], training=[], figures={})
    if "latency" in args.what:
        report["rows"] = measure_latency(args, report["figures"])
    if "training" in args.what:
        for section in benchmark_training(cfg, setting):
            print(f"\n{format_section(section)}", flush=True)
            report["training"] += [asdict(row) for row in section.rows]
            report["figures"] |= section.figures
    if "kernels" in args.what:
        section = compare_kernels(setting.size, batch_size, args.rounds)
        print(f"\n{format_section(section)}", flush=True)
        report["figures"][section.title] = section.figures
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=2) + "\n")


def measure_latency(args, figures):
    sizes = [tuple(size) for size in args.size] if args.size else LatencySetting.sizes
    setting = LatencySetting(
        sizes, args.batch, args.backends, args.precisions, args.steps, args.rounds, args.as_written
    )
    torch.manual_seed(0)
    model = init_model(args.config, args.checkpoint, get_device(), args.cfg_options)
    found = []
    calibration = read_prepared(model.cfg, args.calibrate) if args.calibrate else None
    for section, rows in benchmark_latency(model, setting, calibration):
        print(f"\n{section.title}\n{format_rows(rows)}")
        print("\n".join(f"  {note}" for note in section.notes), flush=True)
        found += [asdict(row) for row in rows]
        figures[section.title] = section.figures
    return found


if __name__ == "__main__":
    run_command(main)
