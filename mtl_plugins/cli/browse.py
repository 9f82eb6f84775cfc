"""Show what a config trains on, for example: mtl browse hydranet_nyud --number 8 --out browse

Writes a panel of images as the training pipeline makes them, with the labels of all tasks. A grey tile marks a missing
label. Look at it before a long training.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.registry import init_default_scope

from mtl_plugins.apis import load_config
from mtl_plugins.apis.config import drop_pretrained, require_dataloader
from mtl_plugins.kinds import meta_of_model
from mtl_plugins.registry import DATASETS, MODELS, SCOPE
from mtl_plugins.visualization import MultiTaskVisualizer, write_picture

from .options import add_cfg_options, add_config, make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl browse`."""
    parser = make_parser(__doc__, prog)
    add_config(parser)
    parser.add_argument("--phase", choices=["train", "val", "test"], default="train", help="which data (%(default)s)")
    parser.add_argument(
        "--number", type=int, default=8, metavar="N", help="images, evenly spread over the set (%(default)s)"
    )
    parser.add_argument("--index", type=int, nargs="+", metavar="I", help="show these images of the set instead")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the augmentation (%(default)s)")
    parser.add_argument("--out", default="browse", metavar="DIR", help="folder of the pictures (%(default)s)")
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.number < 1:
        parser.error(f"--number {args.number}: must be at least 1.")
    return args


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl browse`."""
    args = parse_args(argv, prog)
    cfg = load_config(args.config, args.cfg_options)
    require_dataloader(cfg, f"{args.phase}_dataloader")
    drop_pretrained(cfg)
    init_default_scope(cfg.get("default_scope", SCOPE))
    dataset = DATASETS.build(cfg[f"{args.phase}_dataloader"].dataset)
    heads = getattr(MODELS.build(cfg.model), "heads", {})
    painter = MultiTaskVisualizer(name="browse")
    painter.dataset_meta = meta_of_model(dataset.metainfo, heads)
    shown = _indices(args, len(dataset))
    print(f"{args.phase} set of {args.config}: {len(dataset)} images. Shown: {len(shown)}")
    for index in shown:
        packed: Any = dataset[index, args.seed] if args.phase == "train" else dataset[index]
        image, sample = packed["inputs"], packed["data_samples"]
        stem = Path(str(sample.get("img_path", index))).stem
        labels = [task for task in heads if task in sample.gt]
        missing = [task for task in heads if task not in sample.gt]
        origin = f" of {sample.dataset}" if sample.get("dataset") else ""
        size = "x".join(map(str, image.shape[-2:]))
        absent = f"; no label of {', '.join(missing)}" if missing else ""
        print(f"  {index:6d}  {stem}{origin}, {size}: {', '.join(labels) or 'no label'}{absent}")
        tasks = list(heads)
        panel = painter.draw(image, sample, draw_pred=False, title=f"{index}: {stem}{origin}", tasks=tasks)
        write_picture(panel, Path(args.out) / f"{index:06d}_{stem}.png")
    print(f"pictures: {args.out}")


def _indices(args: argparse.Namespace, count: int) -> list[int]:
    """The images to show.

    Raises:
        ValueError: An index is not in the set.
    """
    if args.index is None:
        number = min(args.number, count)
        return [position * count // number for position in range(number)]
    for index in args.index:
        if not 0 <= index < count:
            raise ValueError(f"--index {index}: the {args.phase} set has {count} images, 0 to {count - 1}.")
    return args.index
