"""Write a teacher's labels. The same as `mtl pseudo-label`."""

from mtl_plugins.cli.run_command import run_command


def main() -> None:
    """Run `mtl pseudo-label`; imports it here, where signals are handled."""
    from mtl_plugins.cli.pseudo_label import main as run

    run()


if __name__ == "__main__":
    run_command(main)
