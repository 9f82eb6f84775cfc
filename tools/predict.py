"""Predict images and video: python tools/predict.py CONFIG CHECKPOINT IMAGE|FOLDER|'GLOB'|VIDEO|CAMERA ... --out DIR

Writes DIR/panels/<image>.png, and with --maps DIR/<task>/<image>.{png,npy}: class ids (8-bit PNG), depth (16-bit PNG,
millimetres), normals (RGB PNG); or all of them as they are (NPY). A video becomes DIR/<video>.mp4, its frames with the
classes over them and the other tasks beside them; so does a camera (its number, 0), until Ctrl-C.
"""

import argparse
from pathlib import Path

from mmengine.config import DictAction

from mtl_plugins.apis import MultiTaskInferencer, load_config
from mtl_plugins.apis.predictions import PredictionWriter
from mtl_plugins.apis.sources import is_video, list_images
from mtl_plugins.apis.stages import overlap
from mtl_plugins.backends import BACKENDS
from mtl_plugins.cli.run_command import message_of, run_command
from mtl_plugins.files import progress_bar


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="config file, or the name of a preset")
    parser.add_argument("checkpoint")
    parser.add_argument("inputs", nargs="*", help="images, folders (searched below), quoted globs; videos, cameras")
    parser.add_argument("--camera", type=int, metavar="N", help="film with a camera: the same as the input N")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="these alone")
    parser.add_argument("--maps", choices=["png", "npy"], help="write each task's raw map too (of images)")
    parser.add_argument("--no-panels", action="store_true", help="paint nothing (of images)")
    parser.add_argument("--batch-size", type=int, default=1, metavar="N")
    parser.add_argument("--frames", type=int, metavar="N", help="end a video after N frames")
    parser.add_argument(
        "--backend", default="torch", metavar="NAME|FILE", help=f"{', '.join(BACKENDS)}, or a file of tools/export.py"
    )
    parser.add_argument("--precision", help="of the backend (float32, bf16, fp16); a file has its own")
    parser.add_argument("--dataset", metavar="NAME", help="whose classes, for a network trained on several datasets")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: a GPU where there is one)")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="override the config")
    args = parser.parse_args()
    if args.camera is not None:
        args.inputs.append(str(args.camera))
    if args.frames is not None and args.frames < 1:
        parser.error("--frames: 1 or more")
    if not args.inputs:
        parser.error("give images, videos or --camera N")
    return args


def main():
    args = parse_args()
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
    failed = predict_images(inferencer, images, args) if images else []
    names = {}
    for source in videos:
        name = f"camera_{source}" if source.isdecimal() else Path(source).stem
        names[name] = number = names.get(name, 0) + 1
        out = Path(args.out) / (f"{name}.mp4" if number == 1 else f"{name}_{number}.mp4")
        try:
            print(inferencer.video(source, out, args.batch_size, args.frames))
        except (ValueError, FileNotFoundError) as error:  # a bad video; the others are still wanted
            failed.append(message_of(error))
    if failed:
        raise ValueError("\n".join(["these could not be read:", *failed]))


def predict_images(inferencer, images, args):
    """Predict and write them; returns what was wrong with those that can't be read: the others are still wanted."""
    writer, failed = PredictionWriter(args.out, inferencer.dataset_meta, not args.no_panels, args.maps), []
    predictions = inferencer.stream(images, args.batch_size, on_error=lambda error: failed.append(message_of(error)))
    with progress_bar("predicting", len(images)) as advance:
        for _ in overlap(predictions, lambda prediction: writer.write(*prediction)):
            advance()
    print(f"{len(images) - len(failed)} of {len(images)} images predicted, in {args.out}")
    return failed


if __name__ == "__main__":
    run_command(main)
