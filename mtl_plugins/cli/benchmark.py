"""Measure speed, for example: mtl benchmark hydranet_nyud --what latency --size 480 640

latency: every installed backend against the plain network (eager, NCHW, float32), measured alternately in one run.
training: the config's training step against a plain step; the Runner against a bare loop; the images per second of
one data worker against those of training, and against PIL + NumPy.
kernels: the decoder's custom CPU kernels against PyTorch's operators.
necks: task interaction (PADNet, MTINet, ...) against a plain composition of the same operations.
balancing: the training step with each balancer against that with the sum of the losses.
gradient-places: the gradient that balancers make at the features against that at the parameters, on training data.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from mmengine.device import get_device

from mtl_plugins.apis import init_model, load_config
from mtl_plugins.apis.config import require_dataloader
from mtl_plugins.apis.predict_pipeline import read_prepared
from mtl_plugins.backends import BACKENDS
from mtl_plugins.benchmark import (
    DEFAULT_SIZE,
    LatencySetting,
    TrainingSetting,
    benchmark_latency,
    benchmark_training,
    compare_balancers,
    compare_gradient_places,
    compare_kernels,
    compare_necks,
    describe_machine,
    format_rows,
    format_section,
)
from mtl_plugins.files import write_text

from .options import add_cfg_options, add_config, make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl benchmark`."""
    parser = make_parser(__doc__, prog)
    add_config(parser)
    parser.add_argument(
        "--what",
        nargs="+",
        choices=["latency", "training", "kernels", "necks", "balancing", "gradient-places"],
        default=["latency", "training"],
        help="what to measure (latency training)",
    )
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        action="append",
        metavar=("H", "W"),
        help=f"image size, repeatable (latency: {_size(LatencySetting.sizes[0])}; others: {_size(DEFAULT_SIZE)})",
    )
    parser.add_argument(
        "--backends", nargs="+", metavar="NAME", help=f"choose from {', '.join(BACKENDS)} (default: all installed)"
    )
    parser.add_argument("--precisions", nargs="+", metavar="NAME", help="default: those the hardware supports")
    parser.add_argument("--as-written", action="store_true", help="latency: do not rearrange the network")
    parser.add_argument("--batch", type=int, nargs="+", default=[1], metavar="N", help="latency: images per batch (1)")
    parser.add_argument(
        "--checkpoint",
        metavar="PATH",
        help="weights; latency: they affect only the int8 difference; gradient-places: the network to measure",
    )
    parser.add_argument(
        "--calibrate", nargs="+", metavar="IMAGE", help="latency: images for int8's value ranges (default: random)"
    )
    parser.add_argument(
        "--batch-size", type=int, metavar="N", help="training, kernels, necks: images per batch (default: the config's)"
    )
    parser.add_argument(
        "--steps", type=int, default=TrainingSetting.steps, metavar="N", help="batches per turn (%(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=TrainingSetting.rounds, metavar="N", help="turns of each (%(default)s)"
    )
    parser.add_argument(
        "--balancers",
        nargs="+",
        metavar="NAME",
        help="balancing, gradient-places: choose from them (default: all; those without a state)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the numbers to this file")
    add_cfg_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl benchmark`."""
    args = parse_args(argv, prog)
    cfg = load_config(args.config, args.cfg_options)
    if "training" in args.what:
        require_dataloader(cfg, "train_dataloader")
    default = (cfg.get("train_dataloader") or {}).get("batch_size", 1)
    batch_size = args.batch_size if args.batch_size is not None else default
    setting = TrainingSetting(tuple((args.size or [DEFAULT_SIZE])[0]), batch_size, args.steps, args.rounds)
    if args.json:  # check it before an hour of measurements
        try:
            Path(args.json).parent.mkdir(parents=True, exist_ok=True)
            Path(args.json).touch()
        except OSError as error:
            raise ValueError(f"--json {args.json}: cannot write ({error.strerror}). Choose another file.") from error
    about = {"config": str(args.config), **describe_machine(setting)}
    print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    report: dict = dict(about=about, rows=[], training=[], figures={})
    if "latency" in args.what:
        report["rows"] = _measure_latency(args, report["figures"])
    if "training" in args.what:
        for section in benchmark_training(cfg, setting):
            print(f"\n{format_section(section)}", flush=True)
            report["training"] += [asdict(row) for row in section.rows]
            report["figures"] |= section.figures
    if "kernels" in args.what:
        section = compare_kernels(setting.size, batch_size, args.rounds)
        print(f"\n{format_section(section)}", flush=True)
        report["figures"][section.title] = section.figures
    if "necks" in args.what:
        section = compare_necks(setting.size, batch_size, args.steps, args.rounds)
        print(f"\n{format_section(section)}", flush=True)
        report["figures"][section.title] = section.figures
    if "balancing" in args.what:
        section = compare_balancers(cfg, setting, _balancers(args))
        print(f"\n{format_section(section)}", flush=True)
        report["figures"][section.title] = section.figures
    if "gradient-places" in args.what:
        require_dataloader(cfg, "train_dataloader")
        model = init_model(args.config, args.checkpoint, get_device(), args.cfg_options)
        section = compare_gradient_places(cfg, model, setting, _balancers(args))
        print(f"\n{format_section(section)}", flush=True)
        report["figures"][section.title] = section.figures
    if args.json:
        write_text(args.json, json.dumps(report, indent=2) + "\n")


def _balancers(args: argparse.Namespace) -> list[dict] | None:
    return None if args.balancers is None else [dict(type=name) for name in args.balancers]


def _measure_latency(args: argparse.Namespace, figures: dict) -> list[dict]:
    """Measure latency and print it; returns one dict per row and adds each section's numbers to `figures`."""
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


def _size(size: Sequence[int]) -> str:
    return " ".join(map(str, size))
