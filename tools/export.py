"""Export a network. The same as `mtl export`."""

from mtl_plugins.cli.export import main
from mtl_plugins.cli.run_command import run_command

if __name__ == "__main__":
    run_command(main)
