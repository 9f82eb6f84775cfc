"""List the presets. The same as `mtl presets`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl presets`; imports it here, where signals are handled."""
    from mtl_plugins.cli.presets import main as run

    run()


if __name__ == "__main__":
    run_command(main)
