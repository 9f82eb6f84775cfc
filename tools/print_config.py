"""Print a config as the commands see it. The same as `mtl print-config`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl print-config`; imports it here, where signals are handled."""
    from mtl_plugins.cli.print_config import main as run

    run()


if __name__ == "__main__":
    run_command(main)
