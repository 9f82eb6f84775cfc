"""Predict images, videos or a camera. The same as `mtl predict`."""

from mtl_plugins.cli.predict import main
from mtl_plugins.cli.run_command import run_command

if __name__ == "__main__":
    run_command(main)
