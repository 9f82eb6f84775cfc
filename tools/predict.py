"""Predict images: python tools/predict.py CONFIG CHECKPOINT IMAGE|FOLDER|'GLOB' ... --out DIR

Writes DIR/panels/<image>.png, and with --maps DIR/<task>/<image>.{png,npy}: class ids (8-bit PNG), depth (16-bit PNG,
millimetres), normals (RGB PNG); or all of them as they are (NPY).
"""

import argparse
from pathlib import Path

from mmengine.config import DictAction
from rich.progress import track

from mtl_plugins.apis import MultiTaskInferencer
from mtl_plugins.apis.cli import message_of, run_command
from mtl_plugins.apis.inferencer import list_images
from mtl_plugins.apis.map_files import write_map
from mtl_plugins.visualization import MultiTaskVisualizer
from mtl_plugins.visualization.visualizer import write_picture


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="config file, or the name of a preset")
    parser.add_argument("checkpoint")
    parser.add_argument("inputs", nargs="+", help="images, folders (searched below), quoted globs")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--maps", choices=["png", "npy"], help="write each task's raw map too")
    parser.add_argument("--no-panels", action="store_true", help="paint nothing")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: a GPU where there is one)")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="override the config")
    return parser.parse_args()


def main():
    args = parse_args()
    images = list_images(args.inputs)
    inferencer = MultiTaskInferencer(args.config, args.checkpoint, args.device, args.cfg_options)
    visualizer = MultiTaskVisualizer()
    visualizer.dataset_meta = inferencer.dataset_meta
    out, names, failed = Path(args.out), {}, []
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"--out {out} can't be made: {error.strerror}. Give a folder that you may write to.") from error
    for path in track(images, description="predicting"):
        names[path.stem] = number = names.get(path.stem, 0) + 1
        stem = path.stem if number == 1 else f"{path.stem}_{number}"
        try:
            [(image, sample)] = inferencer.stream([path])
        except ValueError as error:  # an image that can't be read; the others are still wanted
            failed.append(message_of(error))
            continue
        if not args.no_panels:
            write_picture(visualizer.draw(image, sample), out / "panels" / f"{stem}.png")
        if args.maps:
            for task, values in sample.pred.items():
                values = values.cpu().numpy()
                write_map(task, values[0] if len(values) == 1 else values, out, stem, args.maps)
    print(f"{len(images) - len(failed)} of {len(images)} images predicted, in {out}")
    if failed:
        raise ValueError("\n".join(["these could not be read:", *failed]))


if __name__ == "__main__":
    run_command(main)
