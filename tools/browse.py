"""Show what a config trains on. The same as `mtl browse`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl browse`; imports it here, where signals are handled."""
    from mtl_plugins.cli.browse import main as run

    run()


if __name__ == "__main__":
    run_command(main)
