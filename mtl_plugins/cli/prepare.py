"""Prepare a dataset. `prepare NAME --help` lists the options of a dataset."""

import argparse
from collections.abc import Sequence
from importlib import import_module

from .options import make_parser

# Each module has `add_arguments(parser)` and `prepare(args)`.
DATASETS = {
    "nyud": ("mtl_plugins.prepare.nyud", "NYUDv2, from the official labelled file"),
    "camvid": ("mtl_plugins.prepare.camvid", "CamVid in SegNet's version"),
    "kitti-depth": ("mtl_plugins.prepare.kitti_depth", "KITTI's raw images with depth"),
    "kitti-semantic": ("mtl_plugins.prepare.kitti_semantic", "KITTI's semantic benchmark of 2018"),
    "kitti6": ("mtl_plugins.prepare.kitti6", "KITTI with six classes"),
    "cityscapes": ("mtl_plugins.prepare.cityscapes", "Cityscapes, with depth from its disparity"),
    "iddlite": ("mtl_plugins.prepare.idd_lite", "IDD-Lite, Indian roads with seven classes"),
    "seven-scenes": ("mtl_plugins.prepare.seven_scenes", "one scene of 7-Scenes, a room with depth"),
    "synthrooms": ("mtl_plugins.synthrooms.command", "render furnished rooms; needs no download"),
}


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl prepare`."""
    parser = make_parser(__doc__, prog)
    datasets = parser.add_subparsers(dest="dataset", required=True, metavar="NAME")
    for name, (path, about) in DATASETS.items():
        module = import_module(path)
        dataset = datasets.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        module.add_arguments(dataset)
        dataset.set_defaults(prepare=module.prepare)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl prepare`."""
    args = parse_args(argv, prog)
    args.prepare(args)
