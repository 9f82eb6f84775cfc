"""Prepare a dataset: python tools/prepare_dataset.py NAME [options]; NAME --help tells them."""

import argparse
from importlib import import_module

from mtl_plugins.cli.run_command import run_command

# Each module has add_arguments(parser) and prepare(args).
DATASETS = {
    "nyud": ("mtl_plugins.prepare.nyud", "NYUDv2, from its one file"),
    "camvid": ("mtl_plugins.prepare.camvid", "CamVid in SegNet's version"),
    "kitti-depth": ("mtl_plugins.prepare.kitti_depth", "KITTI's raw images with depth"),
    "kitti-semantic": ("mtl_plugins.prepare.kitti_semantic", "KITTI's semantic benchmark of 2018"),
    "kitti6": ("mtl_plugins.prepare.kitti6", "KITTI with six classes"),
    "cityscapes": ("mtl_plugins.prepare.cityscapes", "Cityscapes, with depth from its disparity"),
    "synthrooms": ("mtl_plugins.synthrooms.command", "render furnished rooms; needs no download"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    datasets = parser.add_subparsers(dest="dataset", required=True, metavar="NAME")
    for name, (module, about) in DATASETS.items():
        module = import_module(module)
        dataset = datasets.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        module.add_arguments(dataset)
        dataset.set_defaults(prepare=module.prepare)
    args = parser.parse_args()
    args.prepare(args)


if __name__ == "__main__":
    run_command(main)
