"""Count parameters and operations. The same as `mtl flops`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl flops`; imports it here, where signals are handled."""
    from mtl_plugins.cli.flops import main as run

    run()


if __name__ == "__main__":
    run_command(main)
