"""Write a teacher's labels once, for example: mtl pseudo-label CONFIG TEACHER CHECKPOINT --out DIR --tasks depth

Labels those images of CONFIG's training set that have no label of their own, as the DistillationHook would in each
training step. Without TEACHER, the teachers are those of CONFIG's DistillationHook. Train on the files with
--cfg-options train_dataloader.dataset.pseudo_labels=DIR
"""

import argparse
import ast
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mtl_plugins.apis import datasets_of, find_config, load_config, write_pseudo_labels
from mtl_plugins.apis.config import require_dataloader
from mtl_plugins.apis.init_model import check_device
from mtl_plugins.engine.distillation import AnyTeacher, Teacher, build_teacher
from mtl_plugins.kinds import kind_of_task
from mtl_plugins.registry import DATASETS, SCOPE

from .options import add_cfg_options, make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl pseudo-label`."""
    parser = make_parser(__doc__, prog)
    parser.add_argument("config", help="config or preset whose training images are labelled")
    parser.add_argument("teacher", nargs="?", help="config or preset of the teacher; by default those of CONFIG's hook")
    parser.add_argument("checkpoint", nargs="?", help="path of the teacher's checkpoint")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the labels")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="tasks that the teacher labels")
    parser.add_argument(
        "--confidence", type=float, default=0.0, metavar="P", help="mark classes less certain than P as void"
    )
    parser.add_argument(
        "--class-map", nargs=2, metavar=("FROM", "TO"), help="label spaces of the teacher and of the dataset"
    )
    parser.add_argument(
        "--depth-scale", type=float, default=5000.0, metavar="S", help="values per metre in depth PNGs (%(default)s)"
    )
    parser.add_argument("--flip", action="store_true", help="average with the predictions for the mirrored image")
    parser.add_argument(
        "--input-size", metavar="H,W|F", help="image size for the teacher, or a factor of the image's own size"
    )
    parser.add_argument("--dataset", nargs="+", metavar="NAME", help="of several datasets, label only these")
    parser.add_argument("--batch-size", type=int, default=4, metavar="N", help="images per batch (%(default)s)")
    parser.add_argument("--device", help="cpu, cuda, ... (default: a GPU if available)")
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.teacher is not None and (args.checkpoint is None or not args.tasks):
        parser.error("a TEACHER needs its CHECKPOINT and --tasks.")
    given = [name for name in ("tasks", "class_map", "confidence", "flip", "input_size") if getattr(args, name)]
    if args.teacher is None and given:
        parser.error(f"--{given[0].replace('_', '-')} needs a TEACHER; those of the config have their own options.")
    return args


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl pseudo-label`."""
    args = parse_args(argv, prog)
    cfg = load_config(args.config, args.cfg_options)
    device = check_device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    training_set = require_dataloader(cfg, "train_dataloader").dataset
    init_default_scope(cfg.get("default_scope", SCOPE))
    teachers = [teacher.to(device) for teacher in _teachers(args, cfg)]
    for name, dataset in datasets_of(DATASETS.build(training_set), args.dataset).items():
        out = Path(args.out) / name
        chosen = [teacher for teacher in teachers if teacher.datasets is None or name in teacher.datasets]
        if not chosen:
            continue
        if len(chosen) > 1:
            raise ValueError(
                f"{len(chosen)} teachers of {args.config} label the images of {name or 'the training set'}, but a "
                "folder of labels has one. Average them (dict(average=[...])), or name a TEACHER."
            )
        teacher = chosen[0]
        summary = write_pseudo_labels(dataset, teacher, out, args.batch_size)
        print(f"{out}: {summary['images']} images")
        for task, counts in summary["listed"].items():
            print(f"  {task}: " + ", ".join(f"{count} {state}" for state, count in counts.items()))


def _teachers(args: argparse.Namespace, cfg: Config) -> list[AnyTeacher]:
    """The teacher of the command line, or those of the config's `DistillationHook`."""
    if args.teacher is not None:
        input_size = ast.literal_eval(args.input_size) if args.input_size else None
        tasks: dict[str, dict | None] = {task: _options(args, task) for task in args.tasks}
        config = find_config(args.teacher)
        return [Teacher(tasks, config=config, checkpoint=args.checkpoint, flip=args.flip, input_size=input_size)]
    hooks = [hook for hook in cfg.get("custom_hooks") or () if hook.get("type") == "DistillationHook"]
    configs = [dict(config) for hook in hooks for config in hook.teachers if not config.get("ema")]
    if not configs:
        raise ValueError(
            f"{args.config} has no DistillationHook whose teachers could label its images: name a TEACHER and its "
            "CHECKPOINT."
        )
    return [build_teacher(config) for config in configs]


def _options(args: argparse.Namespace, task: str) -> dict:
    options = dict(scale=args.depth_scale, confidence=args.confidence, class_map=args.class_map)
    return {name: options[name] for name in kind_of_task(task).label_options if name in options}
