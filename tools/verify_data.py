"""Read every file of a dataset. The same as `mtl verify-data`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl verify-data`; imports it here, where signals are handled."""
    from mtl_plugins.cli.verify_data import main as run

    run()


if __name__ == "__main__":
    run_command(main)
