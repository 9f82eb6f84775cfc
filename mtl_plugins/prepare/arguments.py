"""Command-line options that several datasets share."""

from argparse import ArgumentParser


def add_workers_argument(parser: ArgumentParser) -> None:
    """Add `--workers`."""
    parser.add_argument("--workers", type=int, metavar="N", help="number of processes (default: one per core)")


def add_out_argument(parser: ArgumentParser) -> None:
    """Add `--out` of a dataset that is only checked."""
    parser.add_argument("--out", metavar="DIR", help="where to write the summary (default: the folder of the dataset)")


def add_folder_arguments(parser: ArgumentParser, root_help: str) -> None:
    """Add `--root`, `--out` and `--workers`.

    Args:
        parser: The parser.
        root_help: Help text of `--root`.
    """
    parser.add_argument("--root", nargs="+", required=True, metavar="PATH", help=root_help)
    parser.add_argument("--out", metavar="DIR", help="where to unpack archives and to write the summary")
    add_workers_argument(parser)
