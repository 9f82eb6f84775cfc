"""List the releases. The same as `mtl releases`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl releases`; imports it here, where signals are handled."""
    from mtl_plugins.cli.releases import main as run

    run()


if __name__ == "__main__":
    run_command(main)
