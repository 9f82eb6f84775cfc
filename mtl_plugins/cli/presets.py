"""List the presets: the configs that come with this package. All commands take their names as CONFIG."""

import argparse
from collections.abc import Sequence
from textwrap import shorten

from mtl_plugins.apis import find_config, list_presets

from .options import make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl presets`."""
    return make_parser(__doc__, prog).parse_args(argv)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl presets`: print the names, with the first sentence of each file's comment."""
    parse_args(argv, prog)
    names = list_presets()
    width = max(map(len, names)) + 2
    for name in names:
        print(f"{name:<{width}}{_about(name)}".rstrip())


def _about(name: str) -> str:
    lines = find_config(f"mtl_plugins::{name}").read_text(encoding="utf-8").splitlines()
    comment = []
    for line in lines:
        if not line.startswith("# "):
            break
        comment.append(line.removeprefix("# ").strip())
    return shorten(" ".join(comment).split(". ")[0].rstrip("."), width=100, placeholder=" …")
