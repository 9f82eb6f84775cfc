"""Evaluate a checkpoint. The same as `mtl test`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl test`; imports it here, where signals are handled."""
    from mtl_plugins.cli.test import main as run

    run()


if __name__ == "__main__":
    run_command(main)
