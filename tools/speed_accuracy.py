"""Plot accuracy against speed. The same as `mtl speed-accuracy`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl speed-accuracy`; imports it here, where signals are handled."""
    from mtl_plugins.cli.speed_accuracy import main as run

    run()


if __name__ == "__main__":
    run_command(main)
