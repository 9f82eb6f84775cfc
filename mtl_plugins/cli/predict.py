"""Predict images, videos or a camera.

    mtl predict synthrooms photos/ --out predictions                      with a release (mtl releases lists them)
    mtl predict hydranet_nyud epoch_300.pth photos/ --out predictions     with your own checkpoint and its config

Writes DIR/panels/<image>.png. With --maps, also writes DIR/<task>/<image>.png (class ids as 8-bit PNG, depth as 16-bit
PNG in millimetres, normals as RGB PNG) or DIR/<task>/<image>.npy (unmodified arrays). Images that cannot be read are
skipped and listed at the end. A video becomes DIR/<video>.mp4 with the classes drawn over the frames and the other
tasks next to them; so does a camera, which is named by its number and recorded until Ctrl-C.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mtl_plugins.apis import MultiTaskInferencer, load_config
from mtl_plugins.apis.predictions import PredictionWriter
from mtl_plugins.apis.sources import is_video, list_images
from mtl_plugins.apis.stages import overlap
from mtl_plugins.backends import BACKENDS
from mtl_plugins.files import progress_bar
from mtl_plugins.releases import is_release

from .options import add_cfg_options, add_network, make_parser, missing_checkpoint
from .run_command import message_of

_WEIGHTS = (".pth", ".pt", ".ckpt", ".safetensors")


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl predict`."""
    parser = make_parser(__doc__, prog)
    add_network(parser)
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="images, folders (searched recursively), quoted globs, videos, or numbers of cameras",
    )
    parser.add_argument("--camera", type=int, metavar="N", help="record camera N; the same as the input N")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="predict only these tasks")
    parser.add_argument("--maps", choices=["png", "npy"], help="also write each task's map (images only)")
    parser.add_argument("--no-panels", action="store_true", help="do not draw panels (images only)")
    parser.add_argument("--batch-size", type=int, default=1, metavar="N", help="images per batch (%(default)s)")
    parser.add_argument("--frames", type=int, metavar="N", help="stop a video after N frames")
    parser.add_argument(
        "--backend",
        default="torch",
        metavar="NAME|FILE",
        help=f"what computes the network: {', '.join(BACKENDS)}, or a file written by mtl export (%(default)s)",
    )
    parser.add_argument("--precision", help="precision of the backend: float32, bf16 or fp16; a file has its own")
    parser.add_argument("--dataset", metavar="NAME", help="whose classes to predict, if trained on several datasets")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: a GPU if available)")
    add_cfg_options(parser)
    args = parser.parse_intermixed_args(argv)  # inputs may also follow the options
    if is_release(args.config) and args.checkpoint is not None:
        args.inputs.insert(0, args.checkpoint)
        args.checkpoint = None
    if args.camera is not None:
        args.inputs.append(str(args.camera))
    if args.frames is not None and args.frames < 1:
        parser.error(f"--frames {args.frames}: at least 1 is required.")
    if fault := _fault(args):
        parser.error(fault)
    return args


def _fault(args: argparse.Namespace) -> str | None:
    """Why the positional arguments are neither `RELEASE INPUT ...` nor `CONFIG CHECKPOINT INPUT ...`."""
    if is_release(args.config):
        weights = next((source for source in args.inputs if Path(source).suffix in _WEIGHTS), None)
        if weights is not None:
            return (
                f"{args.config} is a release, which has its own weights: leave {weights} out, or give the config that "
                f"it was trained with in place of {args.config}."
            )
    elif args.checkpoint is None or not args.inputs and Path(args.checkpoint).suffix not in _WEIGHTS:
        return missing_checkpoint(args.config, "mtl predict {} INPUT ... --out DIR")
    return None if args.inputs else "no input: give images, videos or --camera N."


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl predict`."""
    args = parse_args(argv, prog)
    cfg = load_config(args.config, args.cfg_options)
    videos = [source for source in args.inputs if is_video(source)]
    sources = [source for source in args.inputs if source not in videos]
    images = list_images(sources) if sources else []
    inferencer = MultiTaskInferencer(
        cfg,
        args.checkpoint,
        args.device,
        dataset=args.dataset,
        backend=args.backend,
        tasks=args.tasks,
        precision=args.precision,
    )
    failed = _predict_images(inferencer, images, args) if images else []
    names: dict[str, int] = {}
    for source in videos:
        name = f"camera_{source}" if source.isdecimal() else Path(source).stem
        names[name] = number = names.get(name, 0) + 1
        out = Path(args.out) / (f"{name}.mp4" if number == 1 else f"{name}_{number}.mp4")
        try:
            print(inferencer.video(source, out, args.batch_size, args.frames))
        except (ValueError, FileNotFoundError) as error:  # continue with the other videos
            failed.append(message_of(error))
    if failed:
        raise ValueError("\n".join(["some inputs could not be read:", *failed]))


def _predict_images(inferencer: MultiTaskInferencer, images: Sequence[Path], args: argparse.Namespace) -> list[str]:
    """Predict and write images; returns one message per image that could not be read."""
    failed: list[str] = []
    writer = PredictionWriter(args.out, inferencer.dataset_meta, not args.no_panels, args.maps)
    predictions = inferencer.stream(images, args.batch_size, on_error=lambda error: failed.append(message_of(error)))
    with progress_bar("predicting", len(images)) as advance:
        for _ in overlap(predictions, lambda prediction: writer.write(*prediction)):
            advance()
    print(f"{len(images) - len(failed)} of {len(images)} images predicted, in {args.out}")
    return failed
