"""Read every file of a config's datasets before a long training, for example: mtl verify-data hydranet_nyud

Opens each image and label, and lists those that cannot be read and labels with implausible values. Fails if a file
cannot be read.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mmengine.registry import init_default_scope

from mtl_plugins.apis import load_config
from mtl_plugins.apis.config import drop_pretrained
from mtl_plugins.apis.config import innermost_datasets as innermost_configs
from mtl_plugins.datasets import DataError, innermost_datasets
from mtl_plugins.files import write_text
from mtl_plugins.kinds import kinds_of_heads
from mtl_plugins.prepare.verify_data import Verification, verify_dataset
from mtl_plugins.registry import DATASETS, MODELS, SCOPE

from .options import add_cfg_options, add_config, make_parser

PHASES = ("train", "val", "test")
_SHOWN = 10  # problems of each sort


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl verify-data`."""
    parser = make_parser(__doc__, prog)
    add_config(parser)
    parser.add_argument("--phase", nargs="+", choices=PHASES, default=PHASES, help="which data (all)")
    parser.add_argument("--workers", type=int, metavar="N", help="number of processes (one per core)")
    parser.add_argument("--out", metavar="FILE.json", help="write everything that was found to this file")
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.workers is not None and args.workers < 1:
        parser.error(f"--workers {args.workers}: must be at least 1.")
    return args


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl verify-data`."""
    args = parse_args(argv, prog)
    cfg = load_config(args.config, args.cfg_options)
    drop_pretrained(cfg)
    init_default_scope(cfg.get("default_scope", SCOPE))
    kinds = kinds_of_heads(getattr(MODELS.build(cfg.model), "heads", {}))
    report: dict[str, Any] = {}
    seen: dict[str, Verification] = {}  # val and test are often the same set
    for phase in args.phase:
        loader = cfg.get(f"{phase}_dataloader")
        if not loader:
            continue
        for leaf in innermost_configs(loader.dataset):
            leaf.update(on_bad_sample="skip", max_bad_samples=1.0)  # lists missing files with the others
        for part in innermost_datasets(DATASETS.build(loader.dataset)):
            name = f"{phase} set{f' {part.name!r}' if getattr(part, 'name', None) else ''}"
            if not hasattr(part, "read"):
                print(f"{name}: not read, because {type(part).__name__} is not a MultiTaskDataset")
                continue
            key = repr(part.samples)
            if key in seen:
                print(f"{name}: the same files as before")
            else:
                seen[key] = verify_dataset(part, kinds, name, args.workers)
                print(format_verification(name, seen[key]))
            report[name] = asdict(seen[key])
    if not report:
        raise ValueError(f"{args.config} has no data for {', '.join(args.phase)}.")
    if args.out:
        write_text(args.out, json.dumps(report, indent=1) + "\n")
    unreadable = sum(len(found.unreadable) for found in seen.values())
    if unreadable:
        raise DataError(
            f"{unreadable} of {sum(found.images for found in seen.values())} images cannot be read with their labels. "
            "Replace the files, or train without these images: train_dataloader.dataset.on_bad_sample='skip'."
        )


def format_verification(name: str, found: Verification) -> str:
    """What was found in a dataset, as text."""
    lines = [f"{name}: {found.images} images"]
    for task, summary in found.labels.items():
        empty = f", {summary.empty} without a valid pixel" if summary.empty else ""
        lines.append(f"  {task}: {summary.images} labels, {summary.valid_share:.1%} of their pixels valid{empty}")
    reasons = list(found.unreadable.values())
    lines += _listed(f"{len(reasons)} images cannot be read with their labels:", reasons)
    suspicious = [f"{task} of {path}: {reason}" for path, task, reason in found.suspicious]
    return "\n".join(lines + _listed(f"{len(suspicious)} labels look wrong:", suspicious))


def _listed(title: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    more = [f"    … and {len(items) - _SHOWN} more (--out lists all)"] if len(items) > _SHOWN else []
    return [f"  {title}", *(f"    {item}" for item in items[:_SHOWN]), *more]
