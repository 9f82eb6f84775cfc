"""Evaluate a checkpoint. The same as `mtl test`."""

from mtl_plugins.cli.run_command import run_command
from mtl_plugins.cli.test import main

if __name__ == "__main__":
    run_command(main)
