"""Export a network, for example: mtl export hydranet_nyud epoch_300.pth --format onnx --out hydranet.onnx

The exported file takes normalised float images of shape (N, 3, H, W) in any number and size, and returns each task's
raw output by name. With --end-to-end it takes uint8 images and returns class ids (uint8), depth in metres and unit
normal vectors at the size of the images; if the config's predict_pipeline resizes images, resize them first.
The outputs are compared with those of PyTorch, and the differences are printed.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mtl_plugins.apis import init_model
from mtl_plugins.apis.export import describe, export_model
from mtl_plugins.apis.predict_pipeline import input_size, prepared_size, read_prepared
from mtl_plugins.backends import FORMATS

from .options import add_cfg_options, add_network, make_parser, missing_checkpoint


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl export`."""
    parser = make_parser(__doc__, prog)
    add_network(parser)
    parser.add_argument("--format", choices=list(FORMATS), required=True, help="file format")
    parser.add_argument("--out", required=True, metavar="FILE", help="path of the exported file")
    parser.add_argument(
        "--size", nargs=2, type=int, metavar=("H", "W"), help="image size (default: the config's, or 480 640)"
    )
    parser.add_argument("--fixed-size", action="store_true", help="accept only images of this size; may be faster")
    parser.add_argument("--batch", type=int, metavar="N", help="accept only batches of N images")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="export only these tasks")
    parser.add_argument(
        "--end-to-end", action="store_true", help="include normalisation, resizing and decoding in the exported graph"
    )
    parser.add_argument("--whole", dest="end_to_end", action="store_true", help=argparse.SUPPRESS)  # old name
    precisions = sorted({precision for backend in FORMATS.values() for precision in backend.precisions})
    parser.add_argument("--precision", choices=precisions, default="float32", help="precision (%(default)s)")
    parser.add_argument(
        "--calibrate", nargs="+", metavar="IMAGE", help="int8: images (files, folders, globs) for the value ranges"
    )
    parser.add_argument(
        "--dataset", metavar="NAME", help="with --end-to-end: whose classes to predict, if trained on several datasets"
    )
    add_cfg_options(parser)
    args = parser.parse_intermixed_args(argv)  # the checkpoint may also follow the options
    if args.checkpoint is None and (fault := missing_checkpoint(args.config, "mtl export {} ...")):
        parser.error(fault)
    return args


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl export`."""
    args = parse_args(argv, prog)
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
        args.end_to_end,
        args.precision,
        calibration,
        args.dataset,
    )
    if exported.reason:
        print(f"It accepts fewer sizes than requested: {exported.reason}")
    batch, height, width = ("any" if size is None else size for size in exported.signature.shape)
    megabytes = sum(path.stat().st_size for path in _files(exported.path)) / 1e6
    about = f"{exported.signature.precision}, {megabytes:.1f} MB, batch {batch}, height {height}, width {width}"
    print(f"{exported.path}: {about}")
    sizes = " and ".join(" x ".join(map(str, (n, 3, *size))) for n, *size in exported.differences)
    print(f"Differences from PyTorch, relative to an output's range (class ids: share of pixels): {describe(exported)}")
    print(f"(compared on images of {sizes})")
    signature = exported.signature
    if not signature.end_to_end and signature.mean is not None and signature.std is not None:
        print(f"It takes images normalised as (x / 255 - mean) / std with mean {signature.mean}, std {signature.std}.")
    if args.end_to_end and (prepared := prepared_size(model.cfg)):
        height, width = prepared
        print(
            f"Resize images to {height} x {width} before you pass them to the file: the network was trained at this "
            "size (the config's predict_pipeline resizes them), and the file does not resize."
        )


def _files(path: Path) -> list[Path]:
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]
