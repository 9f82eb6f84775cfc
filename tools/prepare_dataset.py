"""Prepare a dataset. The same as `mtl prepare`."""

from mtl_plugins.cli.prepare import main
from mtl_plugins.cli.run_command import run_command

if __name__ == "__main__":
    run_command(main)
