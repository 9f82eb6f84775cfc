"""Train a network. The same as `mtl train`."""

from mtl_plugins.cli.run_command import run_command
from mtl_plugins.cli.train import main

if __name__ == "__main__":
    run_command(main)
