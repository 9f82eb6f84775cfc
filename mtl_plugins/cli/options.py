"""Command-line options that several commands share."""

import argparse
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mtl_plugins.apis import load_config

from .parse_value import parse_value


class CfgOptions(argparse.Action):
    """Parses `KEY=VALUE` pairs as mmengine's `DictAction`, and also dicts and quoted strings; see `parse_value`."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        """Parse the pairs; end the program with a message if one is malformed."""
        options = dict(getattr(namespace, self.dest, None) or {})
        for pair in values:
            key, separator, value = pair.partition("=")
            if not key or not separator:
                parser.error(f"{option_string}: expected KEY=VALUE without spaces around the =, but got {pair!r}.")
            try:
                options[key] = parse_value(value)
            except ValueError as error:
                parser.error(
                    f"{option_string}: {error} in {pair!r}. In a shell, quote a value with brackets: 'KEY=[1,2]'."
                )
        setattr(namespace, self.dest, options)


def make_parser(description: str | None, prog: str | None = None) -> argparse.ArgumentParser:
    """A parser that prints `description` (a command's docstring) with its line breaks."""
    formatter = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(prog=prog, description=description, formatter_class=formatter)


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the positional argument CONFIG."""
    parser.add_argument("config", help="path of a config file, or name of a preset")


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add `--cfg-options KEY=VALUE ...`."""
    parser.add_argument(
        "--cfg-options", nargs="+", action=CfgOptions, metavar="KEY=VALUE", help="override settings of the config"
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of all commands that start a Runner."""
    parser.add_argument("--work-dir", metavar="DIR", help="folder for logs and results (default: work_dirs/<config>)")
    parser.add_argument(
        "--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none", help="how processes were started"
    )
    add_cfg_options(parser)
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS)


def load_run_config(args: argparse.Namespace) -> Config:
    """Load the config of such a command and set its options, launcher and work directory."""
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    cfg = load_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir or cfg.get("work_dir") is None:
        cfg.work_dir = args.work_dir or str(Path("work_dirs") / Path(cfg.filename).stem)
    return cfg
