"""Export a network. The same as `mtl export`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl export`; imports it here, where signals are handled."""
    from mtl_plugins.cli.export import main as run

    run()


if __name__ == "__main__":
    run_command(main)
