"""Turn a published checkpoint into ours: python tools/convert_checkpoint.py SRC DST --from lwrefinenet"""

import argparse
from pathlib import Path

import torch

from mtl_plugins.cli.run_command import run_command
from mtl_plugins.engine import read_checkpoint
from mtl_plugins.engine.converters import CONVERTERS


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("src", help="the published file")
    parser.add_argument("dst", help="where ours goes")
    parser.add_argument("--from", dest="format", required=True, choices=sorted(CONVERTERS), help="format of SRC")
    args = parser.parse_args()
    checkpoint = read_checkpoint(args.src)
    converted = CONVERTERS[args.format](checkpoint.get("state_dict", checkpoint))
    Path(args.dst).parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": converted, "meta": {"source": args.format}}, args.dst)
    tasks = sorted({name.split(".")[1] for name in converted if name.startswith("heads.")})
    print(f"{args.dst}: {len(converted)} tensors" + (f", heads {', '.join(tasks)}" if tasks else ""))


if __name__ == "__main__":
    run_command(main)
