"""Evaluate a checkpoint: python tools/test.py configs/hydranet_nyud.py work_dirs/hydranet_nyud/epoch_300.pth"""

import argparse
import json
import math
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import PrepareTTAHook

from mtl_plugins.apis import build_runner
from mtl_plugins.apis.baselines import trivial_table
from mtl_plugins.apis.config import drop_pretrained
from mtl_plugins.backends import answer_with, load_backend
from mtl_plugins.cli.run_command import load_run_config, parse_run_args, run_command


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file, or the name of a preset")
    parser.add_argument("checkpoint")
    parser.add_argument("--out", metavar="FILE.json", help="write the metrics there")
    parser.add_argument("--show-dir", metavar="DIR", help="paint a panel for each image")
    parser.add_argument(
        "--tta", action="store_true", help="average over the mirrored image too, or as the config's tta_model says"
    )
    parser.add_argument(
        "--backend", metavar="FILE", help="have an exported file (tools/export.py) answer for the network"
    )
    parser.add_argument("--baselines", action="store_true", help="print the trivial predictors' metrics beside")
    return parse_run_args(parser)


def main():
    args = parse_args()
    cfg = load_run_config(args)
    cfg.load_from, cfg.resume = args.checkpoint, False
    drop_pretrained(cfg)
    if args.show_dir:
        cfg.default_hooks.visualization.update(out_dir=args.show_dir)
    runner = build_runner(cfg)
    if args.backend:
        answer_with(runner.model, load_backend(args.backend))
    if args.tta:
        runner.register_hook(PrepareTTAHook(cfg.get("tta_model") or dict(type="MultiTaskTTAModel")))
    metrics = runner.test()
    if not is_main_process():
        return
    if args.out:
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
        # JSON knows no NaN: a score that no image had a label for is null
        scores = {name: float(value) if math.isfinite(value) else None for name, value in metrics.items()}
        told = [metric for metric in runner.test_evaluator.metrics if hasattr(metric, "protocol")]
        scores["protocols"] = {metric.prefix: metric.protocol() for metric in told}
        Path(args.out).write_text(json.dumps(scores, indent=2) + "\n")
    if args.baselines:
        print(trivial_table(runner.test_dataloader.dataset, runner.test_evaluator.metrics, metrics))


if __name__ == "__main__":
    run_command(main)
