"""Train a network. The same as `mtl train`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl train`; imports it here, where signals are handled."""
    from mtl_plugins.cli.train import main as run

    run()


if __name__ == "__main__":
    run_command(main)
