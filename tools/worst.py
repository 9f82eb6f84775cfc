"""Show the worst images of a test. The same as `mtl worst`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl worst`; imports it here, where signals are handled."""
    from mtl_plugins.cli.worst import main as run

    run()


if __name__ == "__main__":
    run_command(main)
