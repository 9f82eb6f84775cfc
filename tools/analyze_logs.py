"""Plot curves of several runs. The same as `mtl analyze-logs`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl analyze-logs`; imports it here, where signals are handled."""
    from mtl_plugins.cli.analyze_logs import main as run

    run()


if __name__ == "__main__":
    run_command(main)
