from pathlib import Path
from typing import TYPE_CHECKING

from mtl_plugins.files import write_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_figure(figure: "Figure", path: str | Path) -> None:
    """Write a matplotlib figure atomically, in the format of the suffix (PNG without one)."""
    name = Path(path).suffix.removeprefix(".") or "png"
    write_file(path, lambda file: figure.savefig(file, format=name))
