"""List the presets. The same as `mtl presets`."""

from mtl_plugins.cli.presets import main
from mtl_plugins.cli.run_command import run_command

if __name__ == "__main__":
    run_command(main)
