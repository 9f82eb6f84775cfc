"""Write a teacher's labels once: python tools/pseudo_label.py CONFIG TEACHER.py CHECKPOINT --out DIR --tasks depth

Labels the images of CONFIG's training set that lack a label, as the DistillationHook would at each step. Training then
reads them: --cfg-options train_dataloader.dataset.pseudo_labels=DIR
"""

import argparse
import ast
from pathlib import Path

import torch
from mmengine.config import DictAction
from mmengine.registry import init_default_scope

from mtl_plugins.apis import load_config
from mtl_plugins.apis.config import find_config
from mtl_plugins.apis.pseudo_labels import datasets_of, write_pseudo_labels
from mtl_plugins.cli.run_command import run_command
from mtl_plugins.engine.distillation import Teacher
from mtl_plugins.registry import DATASETS, SCOPE


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="config (or preset) whose training images are labelled")
    parser.add_argument("teacher", help="config (or preset) of the teacher")
    parser.add_argument("checkpoint", help="its weights")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--tasks", nargs="+", required=True, metavar="TASK", help="which labels the teacher gives")
    parser.add_argument("--confidence", type=float, default=0.0, metavar="P", help="classes less sure than P are void")
    parser.add_argument("--class-map", nargs=2, metavar=("FROM", "TO"), help="label spaces of teacher and dataset")
    parser.add_argument(
        "--depth-scale", type=float, default=5000.0, help="steps in a metre of depth PNGs (%(default)s)"
    )
    parser.add_argument("--flip", action="store_true", help="average over the mirrored image")
    parser.add_argument("--input-size", metavar="H,W|F", help="size, or factor of the size, that the teacher sees")
    parser.add_argument("--dataset", nargs="+", metavar="NAME", help="of several datasets, these alone")
    parser.add_argument("--batch-size", type=int, default=4, metavar="N")
    parser.add_argument("--device", help="cpu, cuda, ... (default: a GPU where there is one)")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="override CONFIG")
    return parser.parse_args()


def main():
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    init_default_scope(cfg.get("default_scope", SCOPE))
    teacher = Teacher(
        {task: _options(args, task) for task in args.tasks},
        config=find_config(args.teacher),
        checkpoint=args.checkpoint,
        flip=args.flip,
        input_size=ast.literal_eval(args.input_size) if args.input_size else None,
    ).to(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    for name, dataset in datasets_of(DATASETS.build(cfg.train_dataloader.dataset), args.dataset).items():
        out = Path(args.out) / name
        summary = write_pseudo_labels(dataset, teacher, out, args.batch_size)
        print(f"{out}: {summary['images']} images")
        for task, counts in summary["listed"].items():
            print(f"  {task}: " + ", ".join(f"{count} {state}" for state, count in counts.items()))


def _options(args, task):
    options = dict(scale=args.depth_scale)
    if task == "semseg":
        options |= dict(confidence=args.confidence, class_map=args.class_map)
    return options


if __name__ == "__main__":
    run_command(main)
