"""Compare methods that balance tasks, and single-task networks. The same as `mtl compare`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl compare`; imports it here, where signals are handled."""
    from mtl_plugins.cli.compare import main as run

    run()


if __name__ == "__main__":
    run_command(main)
