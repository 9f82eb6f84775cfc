"""The console script `mtl`: one entry point for all commands."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from mtl_plugins import __version__
from mtl_plugins.did_you_mean import did_you_mean

from .run_command import run_command

# Each command is a module of this package with `main(argv, prog)`, imported only when it is called.
COMMANDS = {
    "train": "train a network, or resume a training",
    "test": "evaluate a checkpoint",
    "predict": "predict images, videos or a camera",
    "presets": "list the presets, the configs that come with this package",
    "releases": "list the trained networks that can be used by name",
    "publish": "turn a trained network into a release",
    "export": "export a network to ONNX, OpenVINO or torch.export",
    "prepare": "download and prepare a dataset, or render one",
    "benchmark": "measure the speed of prediction and training",
    "pseudo-label": "write a teacher's labels for images without labels",
    "convert": "convert a published checkpoint",
    "print-config": "print a config with its bases and options",
    "browse": "show the images and labels that a config trains on",
    "verify-data": "read every file of a config's datasets",
    "flops": "count the parameters and operations of each part",
    "worst": "show the images with the worst scores",
    "analyze-logs": "plot curves of several runs in one picture",
    "compare": "compare methods that balance tasks, and single-task networks",
    "speed-accuracy": "plot accuracy against speed for trained networks",
    "experiments": "rerun the experiments of the documentation",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run `mtl COMMAND [options]`.

    Args:
        argv: The command and its options. Default: the process's arguments.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        _print(usage())
        sys.exit(0 if arguments else 2)
    command, *options = arguments
    if command == "--version":
        _print(f"mtl-plugins {__version__}")
    elif command in COMMANDS:
        _run(command, options)
    else:
        _refuse(command)


def usage() -> str:
    """The text of `mtl --help`."""
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{about}" for name, about in COMMANDS.items()]
    return "\n".join(
        [
            "usage: mtl [-h] [--version] COMMAND ...",
            "",
            "Dense multi-task learning: classes, depth, surface normals and other tasks from one network.",
            "",
            "commands:",
            *lines,
            "",
            "Run `mtl COMMAND --help` for the options of a command.",
        ]
    )


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os._exit(1)  # as after `| head`: not an error


def _run(command: str, options: list[str]) -> None:
    def call() -> None:  # imports here, where signals are handled
        import_module(f"mtl_plugins.cli.{command.replace('-', '_')}").main(options, prog=f"mtl {command}")

    run_command(call)


def _refuse(command: str) -> NoReturn:
    hint = did_you_mean(command, COMMANDS) or f"Commands: {', '.join(COMMANDS)}."
    print(f"mtl: unknown command {command!r}: {hint.strip()}", file=sys.stderr)
    sys.exit(2)
