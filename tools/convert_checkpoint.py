"""Convert a published checkpoint. The same as `mtl convert`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl convert`; imports it here, where signals are handled."""
    from mtl_plugins.cli.convert import main as run

    run()


if __name__ == "__main__":
    run_command(main)
