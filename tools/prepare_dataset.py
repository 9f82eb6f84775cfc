"""Prepare a dataset. The same as `mtl prepare`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl prepare`; imports it here, where signals are handled."""
    from mtl_plugins.cli.prepare import main as run

    run()


if __name__ == "__main__":
    run_command(main)
