"""Turn a trained network into a release. The same as `mtl publish`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl publish`; imports it here, where signals are handled."""
    from mtl_plugins.cli.publish import main as run

    run()


if __name__ == "__main__":
    run_command(main)
