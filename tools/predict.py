"""Predict images, videos or a camera. The same as `mtl predict`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl predict`; imports it here, where signals are handled."""
    from mtl_plugins.cli.predict import main as run

    run()


if __name__ == "__main__":
    run_command(main)
