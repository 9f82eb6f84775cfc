"""Measure speed. The same as `mtl benchmark`."""

from mtl_plugins.cli.benchmark import main
from mtl_plugins.cli.run_command import run_command

if __name__ == "__main__":
    run_command(main)
