"""Rerun the experiments of the documentation. The same as `mtl experiments`."""

from mtl_plugins.cli.experiments import main
from mtl_plugins.cli.run_command import run_command

if __name__ == "__main__":
    run_command(main)
