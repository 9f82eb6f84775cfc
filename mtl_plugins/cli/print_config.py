"""Print a config as the commands see it, for example: mtl print-config hydranet_nyud --key model.heads

The bases are merged and `--cfg-options` applied.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from mmengine.config import Config, ConfigDict

from mtl_plugins.apis import load_config
from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.files import write_text

from .options import add_cfg_options, add_config, make_parser


def parse_args(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """Parse the options of `mtl print-config`."""
    parser = make_parser(__doc__, prog)
    add_config(parser)
    parser.add_argument("--key", metavar="KEY", help="print only this setting, such as model.heads.depth")
    parser.add_argument("--out", metavar="FILE.py", help="also write the config to this file, which needs no bases")
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.out and args.key:
        parser.error("--out writes the complete config: leave out --key.")
    return args


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Run `mtl print-config`."""
    args = parse_args(argv, prog)
    cfg = load_config(args.config, args.cfg_options)
    if args.key:
        value = find_setting(cfg, args.key)
        name = args.key.rsplit(".", 1)[-1]
        sys.stdout.write(Config({name: value}).pretty_text if name.isidentifier() else f"{value!r}\n")
    else:
        sys.stdout.write(cfg.pretty_text)
    if args.out:
        write_text(args.out, cfg.pretty_text)
        print(f"written to {args.out}", file=sys.stderr)


def find_setting(cfg: Config, key: str) -> Any:
    """A setting by its dotted key; numbers are places in lists.

    Raises:
        ValueError: There is no such setting.
    """
    value: Any = cfg._cfg_dict
    path: list[str] = []
    for name in key.split("."):
        where = ".".join(path) or "the config"
        if isinstance(value, ConfigDict):
            if name not in value:
                hint = did_you_mean(name, value) or f"it has {', '.join(value) or 'no settings'}."
                raise ValueError(f"--key {key}: {where} has no setting {name!r}; {hint}".rstrip())
            value = value[name]
        elif isinstance(value, list | tuple):
            if not name.isdigit() or int(name) >= len(value):
                raise ValueError(f"--key {key}: {where} is a list of {len(value)}: give a number from 0.")
            value = value[int(name)]
        else:
            raise ValueError(f"--key {key}: {where} is {value!r}, which has no settings.")
        path.append(name)
    return value
