"""Measure speed. The same as `mtl benchmark`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl benchmark`; imports it here, where signals are handled."""
    from mtl_plugins.cli.benchmark import main as run

    run()


if __name__ == "__main__":
    run_command(main)
