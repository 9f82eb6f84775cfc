"""Convert a published checkpoint. The same as `mtl convert`."""

from mtl_plugins.cli.convert import main
from mtl_plugins.cli.run_command import run_command

if __name__ == "__main__":
    run_command(main)
