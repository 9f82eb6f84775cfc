"""Write a teacher's labels. The same as `mtl pseudo-label`."""

from mtl_plugins.cli.pseudo_label import main
from mtl_plugins.cli.run_command import run_command

if __name__ == "__main__":
    run_command(main)
