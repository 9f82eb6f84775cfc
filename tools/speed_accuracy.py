"""Plot accuracy against speed. The same as `mtl speed-accuracy`."""

from mtl_plugins.cli.run_command import run_command
from mtl_plugins.cli.speed_accuracy import main

if __name__ == "__main__":
    run_command(main)
