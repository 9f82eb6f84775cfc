"""Export a trained network: python tools/export.py CONFIG CHECKPOINT --format onnx|openvino|torch-export --out FILE

The file takes images (N, 3, H, W) of any number and size, RGB, normalised as in training, and gives each task's raw
output by name. With --whole it takes uint8 images and gives class ids (uint8), metres and unit vectors at their size;
where the config's predict_pipeline resizes images, resize them before.
What it answers is compared with PyTorch, and the differences are printed.
"""

import argparse
from pathlib import Path

from mmengine.config import DictAction

from mtl_plugins.apis import init_model
from mtl_plugins.apis.export import describe, export_model
from mtl_plugins.apis.predict_pipeline import input_size, prepared_size, read_prepared
from mtl_plugins.backends import FORMATS
from mtl_plugins.cli.run_command import run_command


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="config file, or the name of a preset")
    parser.add_argument("checkpoint")
    parser.add_argument("--format", choices=list(FORMATS), required=True)
    parser.add_argument("--out", required=True, metavar="FILE")
    parser.add_argument(
        "--size", nargs=2, type=int, metavar=("H", "W"), help="of the images (default: the config's, or 480 640)"
    )
    parser.add_argument("--fixed-size", action="store_true", help="for images of this size alone: may be faster")
    parser.add_argument("--batch", type=int, metavar="N", help="for batches of N alone")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="these alone")
    parser.add_argument("--whole", action="store_true", help="uint8 images in; classes, metres and unit vectors out")
    precisions = sorted({precision for backend in FORMATS.values() for precision in backend.precisions})
    parser.add_argument("--precision", choices=precisions, default="float32")
    parser.add_argument(
        "--calibrate", nargs="+", metavar="IMAGE", help="images (files, folders, globs) that int8 takes its ranges from"
    )
    parser.add_argument("--dataset", metavar="NAME", help="whose classes, for a network trained on several (--whole)")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="override the config")
    return parser.parse_args()


def main():
    args = parse_args()
    model = init_model(args.config, args.checkpoint, cfg_options=args.cfg_options)
    calibration = read_prepared(model.cfg, args.calibrate) if args.calibrate else None
    exported = export_model(
        model,
        args.format,
        args.out,
        tuple(args.size or input_size(model.cfg)),
        args.batch,
        args.fixed_size,
        args.tasks,
        args.whole,
        args.precision,
        calibration,
        args.dataset,
    )
    if exported.reason:
        print(f"It takes fewer sizes than it might: {exported.reason}")
    batch, height, width = ("any" if size is None else size for size in exported.signature.shape)
    megabytes = sum(path.stat().st_size for path in _files(exported.path)) / 1e6
    about = f"{exported.signature.precision}, {megabytes:.1f} MB, batch {batch}, height {height}, width {width}"
    print(f"{exported.path}: {about}")
    sizes = " and ".join(" x ".join(map(str, (n, 3, *size))) for n, *size in exported.differences)
    print(f"It differs from PyTorch, of an output's range (of class ids: of the pixels): {describe(exported)}")
    print(f"(compared on images of {sizes})")
    if args.whole and (prepared := prepared_size(model.cfg)):
        height, width = prepared
        print(
            f"Bring images to {height} x {width} before the file is given them: the config's predict_pipeline does "
            "so, and the network was trained for it; the file itself takes them as they are."
        )


def _files(path: Path):
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


if __name__ == "__main__":
    run_command(main)
