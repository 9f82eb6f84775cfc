"""Turn a trained network into a release, a folder that others can use without your config and code.

For example: mtl publish hydranet_synthrooms epoch_9.pth --out releases --metrics metrics.json --licence Apache-2.0

Writes DIR/NAME/model.safetensors (the weights; the averaged ones of an EMA), model.json (the network, its classes and
metrics as plain data) and README.md (a model card). `mtl predict DIR/NAME photos/` uses it. If DIR is the folder
releases/ of the source tree, the release is added to the index of the package, so that its name is enough.
"""

import argparse
from collections.abc import Sequence

from mtl_plugins.apis import publish

from .options import add_cfg_options, add_config, make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl publish`."""
    parser = make_parser(__doc__, prog)
    add_config(parser)
    parser.add_argument("checkpoint", help="path of the checkpoint")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder that contains the releases")
    parser.add_argument("--name", help="name of the release (default: that of the config without hydranet_)")
    parser.add_argument("--about", default="", metavar="TEXT", help="one sentence about the network")
    parser.add_argument(
        "--note", default="", metavar="TEXT", help="limits of the network that its users must know, for the model card"
    )
    parser.add_argument("--metrics", metavar="FILE.json", help="metrics that `mtl test --out FILE.json` wrote")
    parser.add_argument("--licence", default="", metavar="TEXT", help="licence of the weights, such as Apache-2.0")
    parser.add_argument(
        "--attribution", default="", metavar="TEXT", help="data that the network was trained on, and their licences"
    )
    parser.add_argument(
        "--half",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="store kernels in float16; vectors, such as those of batch norm, stay float32",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a release of the same name")
    add_cfg_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl publish`."""
    args = parse_args(argv, prog)
    published = publish(
        args.config,
        args.checkpoint,
        args.out,
        args.name,
        args.metrics,
        args.licence,
        args.attribution,
        args.about,
        args.half,
        args.overwrite,
        args.cfg_options,
        args.note,
    )
    listed = ", ".join(f"{task} {value:.1e}" for task, value in published.differences.items())
    print(f"{published.folder}: {published.size / 1e6:.1f} MB")
    print(f"Largest differences from the checkpoint, as shares of an output's range: {listed}")
    missing = [option for option in ("licence", "attribution", "about", "metrics") if not getattr(args, option)]
    if missing:
        print(f"Not stated in the model card: {', '.join(missing)}. Add them with --{' --'.join(missing)} --overwrite.")
    if published.indexed:
        print(f"The index of the package now contains {published.folder.name}: commit it with the folder.")
    print(f"Try it: mtl predict {published.folder} 'photos/*.jpg' --out predicted")
