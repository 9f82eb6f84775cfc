"""Evaluate a checkpoint, for example: mtl test hydranet_nyud work_dirs/hydranet_nyud/epoch_300.pth"""

import argparse
import json
import math
from collections.abc import Sequence
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import PrepareTTAHook

from mtl_plugins.apis import build_runner
from mtl_plugins.apis.baselines import trivial_table
from mtl_plugins.apis.config import drop_pretrained, require_dataloader
from mtl_plugins.apis.evaluation_record import RECORD_KEY, evaluation_record
from mtl_plugins.backends import compute_with, load_backend
from mtl_plugins.files import write_text
from mtl_plugins.kinds import kinds_of_heads
from mtl_plugins.releases import weights_path
from mtl_plugins.unwrap_model import unwrap_model

from .options import add_config, add_run_options, load_run_config, make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl test`."""
    parser = make_parser(__doc__, prog)
    add_config(parser)
    parser.add_argument("checkpoint", help="path of the checkpoint, or a release, for its weights")
    parser.add_argument("--out", metavar="FILE.json", help="write the metrics to this file")
    parser.add_argument("--show-dir", metavar="DIR", help="write a picture of each image's predictions to this folder")
    parser.add_argument(
        "--tta", action="store_true", help="test-time augmentation: the config's tta_model, or horizontal mirroring"
    )
    parser.add_argument(
        "--backend", metavar="FILE", help="compute the network with an exported file (written by mtl export)"
    )
    parser.add_argument("--baselines", action="store_true", help="also print the metrics of trivial predictors")
    add_run_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl test`."""
    args = parse_args(argv, prog)
    cfg = load_run_config(args)
    require_dataloader(cfg, "test_dataloader")
    cfg.load_from, cfg.resume = weights_path(args.checkpoint), False
    drop_pretrained(cfg)
    if args.show_dir:
        cfg.default_hooks.visualization.update(out_dir=args.show_dir)
    runner = build_runner(cfg)
    model: Any = unwrap_model(runner.model)
    if args.backend:
        compute_with(model, load_backend(args.backend))
    if args.tta:
        runner.register_hook(PrepareTTAHook(cfg.get("tta_model") or dict(type="MultiTaskTTAModel")))
    metrics = runner.test()
    if not is_main_process():
        return
    if args.out:
        # JSON has no NaN: the metric of a task without any label becomes null
        scores: dict = {name: float(value) if math.isfinite(value) else None for name, value in metrics.items()}
        with_protocol = [metric for metric in runner.test_evaluator.metrics if hasattr(metric, "protocol")]
        scores["protocols"] = {metric.prefix: _protocol_of(metric) for metric in with_protocol}
        if unread := max((getattr(metric, "unread", 0) for metric in with_protocol), default=0):
            scores["unread_images"] = unread
        evaluated = runner.test_evaluator.metrics
        scores[RECORD_KEY] = evaluation_record(cfg, cfg.load_from, evaluated, args.backend, args.tta)
        write_text(args.out, json.dumps(scores, indent=2) + "\n")
    if args.baselines:
        kinds = kinds_of_heads(getattr(model, "heads", {}))
        print(trivial_table(runner.test_dataloader.dataset, runner.test_evaluator.metrics, metrics, kinds))


def _protocol_of(metric: Any) -> str:
    complete = getattr(metric, "complete_protocol", metric.protocol)  # a metric need not be a TaskMetric
    return complete()
