"""Command-line options that several commands share."""

import argparse
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mtl_plugins.apis import find_config, load_config
from mtl_plugins.releases import WEIGHTS_FILE, is_release, list_releases, read_description

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


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add the positional arguments of a trained network: CONFIG and CHECKPOINT, or only RELEASE."""
    parser.add_argument("config", help="name or folder of a release, or a config: its path, or the name of a preset")
    parser.add_argument("checkpoint", nargs="?", help="path of the checkpoint; not with a release, which has weights")


def missing_checkpoint(config: str, command: str) -> str | None:
    """The message for a network without checkpoint that is not a release; None if `config` is one.

    Args:
        config: The argument CONFIG.
        command: The command with `{}` in place of the network, for the message.

    Raises:
        FileNotFoundError: `config` is neither a config nor a release.
    """
    if is_release(config):
        return None
    find_config(config)  # a misspelt name is the better message
    releases = " or ".join(list_releases()) or "RELEASE"
    return (
        f"{config} is a config, so it needs a checkpoint: {command.format(f'{config} CHECKPOINT')}. Without one, use a "
        f"release (mtl releases lists them): {command.format(releases)}."
    )


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add `--cfg-options KEY=VALUE ...`."""
    parser.add_argument(
        "--cfg-options", nargs="+", action=CfgOptions, metavar="KEY=VALUE", help="override settings of the config"
    )


def add_seeds(parser: argparse.ArgumentParser) -> None:
    """Add `--seeds`, for commands that repeat trainings."""
    parser.add_argument("--seeds", type=_seed, nargs="+", default=[0, 1, 2], metavar="N", help="random seeds (0 1 2)")


def _seed(text: str) -> int:
    try:
        seed = int(text)
    except ValueError:
        seed = -1
    if not 0 <= seed < 2**32:
        raise argparse.ArgumentTypeError(f"{text} must be a whole number from 0 to {2**32 - 1}")
    return seed


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of all commands that start a Runner."""
    parser.add_argument("--work-dir", metavar="DIR", help="folder for logs and results (default: work_dirs/<config>)")
    parser.add_argument(
        "--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none", help="how processes were started"
    )
    add_cfg_options(parser)
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS)


def load_run_config(args: argparse.Namespace) -> Config:
    """Load the config of such a command and set its options, launcher and work directory.

    Raises:
        ValueError: The config is that of a release, which has no data and no training settings.
    """
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    cfg = load_config(args.config, args.cfg_options)
    if cfg.get("release"):
        trained_with = read_description(cfg.release).get("trained_with") or "CONFIG"
        raise ValueError(
            f"{args.config} is a release: a trained network without datasets and training settings. Give the config, "
            f"and the release as its checkpoint: mtl test {trained_with} {args.config}; to fine-tune it: mtl train "
            f"{trained_with} --cfg-options load_from={Path(cfg.release) / WEIGHTS_FILE}."
        )
    cfg.launcher = args.launcher
    if args.work_dir or cfg.get("work_dir") is None:
        cfg.work_dir = args.work_dir or str(Path("work_dirs") / Path(cfg.filename).stem)
    return cfg
