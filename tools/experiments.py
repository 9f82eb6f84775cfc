"""Rerun the experiments of the documentation. The same as `mtl experiments`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl experiments`; imports it here, where signals are handled."""
    from mtl_plugins.cli.experiments import main as run

    run()


if __name__ == "__main__":
    run_command(main)
