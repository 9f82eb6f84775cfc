"""Show the worst images of a test, for example: mtl worst hydranet_nyud work_dirs/hydranet_nyud/epoch_300.pth

Evaluates the checkpoint on the test set, and writes a panel of the images with the worst score of each task and a list
of them. An image is scored as if it were the complete set.
"""

import argparse
from collections.abc import Sequence

from mtl_plugins.apis import build_runner
from mtl_plugins.apis.config import drop_pretrained, require_dataloader
from mtl_plugins.releases import weights_path

from .options import add_cfg_options, add_config, load_run_config, make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl worst`."""
    parser = make_parser(__doc__, prog)
    add_config(parser)
    parser.add_argument("checkpoint", help="path of the checkpoint, or a release, for its weights")
    parser.add_argument("--number", type=int, default=10, metavar="N", help="images per metric (%(default)s)")
    parser.add_argument(
        "--metrics", nargs="+", metavar="NAME", help="such as depth/rmse (default: the main metric of each task)"
    )
    parser.add_argument("--out", metavar="DIR", help="folder of the pictures (default: <work-dir>/worst)")
    parser.add_argument("--work-dir", metavar="DIR", help="folder of the log (default: work_dirs/<config>)")
    add_cfg_options(parser)
    parser.set_defaults(launcher="none", local_rank=0)
    args = parser.parse_args(argv)
    if args.number < 1:
        parser.error(f"--number {args.number}: must be at least 1.")
    return args


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl worst`."""
    args = parse_args(argv, prog)
    cfg = load_run_config(args)
    require_dataloader(cfg, "test_dataloader")
    cfg.load_from, cfg.resume = weights_path(args.checkpoint), False
    drop_pretrained(cfg)
    hook = dict(
        type="WorstImagesHook", out_dir=args.out or f"{cfg.work_dir}/worst", number=args.number, metrics=args.metrics
    )
    cfg.custom_hooks = [*(cfg.get("custom_hooks") or ()), hook]
    build_runner(cfg).test()
