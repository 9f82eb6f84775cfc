"""List the releases: trained networks that commands such as mtl predict use by name and fetch when needed.

With NAME, fetches a release and prints its model card.
"""

import argparse
from collections.abc import Sequence

from mtl_plugins.releases import find_release, list_releases, model_card, read_description

from .options import make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl releases`."""
    parser = make_parser(__doc__, prog)
    parser.add_argument("name", nargs="?", metavar="NAME", help="name or folder of a release")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl releases`."""
    args = parse_args(argv, prog)
    if args.name is not None:
        folder = find_release(args.name)
        print(f"{model_card(read_description(folder), front_matter=False)}\nFolder: {folder}")
        return
    releases = list_releases()
    width = max(map(len, releases), default=0) + 2
    for name, entry in releases.items():
        print(f"{name:<{width}}{entry.size / 1e6:4.1f} MB  {entry.about}")
