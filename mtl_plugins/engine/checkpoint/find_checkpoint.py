"""The checkpoints in a folder: which belong to a training run, and which is the newest complete one."""

import logging
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path, PureWindowsPath

from mmengine.logging import print_log

from mtl_plugins.files import read_regular_file

from .check_content import check_content, require_resumable
from .read_checkpoint import read_checkpoint

POINTER = "last_checkpoint"
"""Name of the file with the path of a run's last checkpoint."""
TEMPLATES = ("epoch_{}.pth", "iter_{}.pth")
"""Names of the checkpoints of a run; `{}` is a number."""
_BEST = re.compile(r"best_[^/\\]+\.pth")


def is_run_file(name: str, templates: Iterable[str] = ()) -> bool:
    """Whether a name is that of a checkpoint of a run: `epoch_3.pth`, `iter_200.pth` or `best_*.pth`, without a folder.

    Args:
        name: The name.
        templates: Further names, such as `"model_{}.pth"`.
    """
    return _number(name, templates) is not None or _BEST.fullmatch(name) is not None


def run_files(folder: str | Path, templates: Iterable[str] = ()) -> list[Path]:
    """The checkpoints of a run in a folder; subfolders are ignored."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    files = (path for path in folder.iterdir() if is_run_file(path.name, templates))
    return sorted(path for path in files if path.is_symlink() or path.is_file())


def find_checkpoint(
    folder: str | Path,
    templates: Sequence[str] = (),
    pointer_folder: str | Path | None = None,
    resumable: bool = False,
) -> str | None:
    """The newest complete checkpoint of a run. Damaged ones are skipped with a warning.

    Usually this is the one that `last_checkpoint` names; only the name in it counts, so the folder can be moved. If
    that one is damaged or missing, or if there is a newer one, the number in the name and the steps in the file decide.

    Args:
        folder: Folder of the checkpoints.
        templates: Further names, such as `"model_{}.pth"`.
        pointer_folder: Folder of `last_checkpoint`, if it is another one.
        resumable: Whether the checkpoint must contain the state of the training.

    Returns:
        Its path, or None if the folder contains no checkpoint.

    Raises:
        ValueError: All checkpoints are damaged, or with `resumable`, the one that `last_checkpoint` names is missing
            and there is no other.
    """
    folder, damaged = Path(folder), []
    pointer = _read_pointer(Path(pointer_folder or folder))
    candidates = [path for path in run_files(folder, templates) if _number(path.name, templates) is not None]

    @cache
    def steps(path: Path) -> int | None:
        """Steps in a complete checkpoint."""
        try:
            return _steps(path, resumable)
        except (ValueError, OSError) as error:
            damaged.append(f"{path.name} ({_short(error)})")
            print_log(f"The checkpoint {path.name} is skipped: {_short(error)}", "current", logging.WARNING)
            return None

    by_name: dict[str, list[Path]] = {}
    for path in sorted(candidates, key=lambda path: _number(path.name, templates) or 0, reverse=True):
        by_name.setdefault(re.sub(r"\d+", "", path.name), []).append(path)
    newest = [next((path for path in paths if steps(path) is not None), None) for paths in by_name.values()]
    complete = [path for path in newest if path is not None]
    if complete:
        best = max(complete, key=lambda path: (steps(path) or 0, path.stat().st_mtime_ns))
        named = folder / pointer.name if pointer else best
        # later numbers can be older: of a run that was resumed from an earlier checkpoint
        usable = named in candidates and steps(named) is not None  # a link may lead nowhere
        return str(named if usable and best.stat().st_mtime_ns < named.stat().st_mtime_ns else best)
    if damaged:
        raise ValueError(
            f"No checkpoint in {folder} is complete: {'; '.join(damaged[:5])}. Nothing was changed. Restore one of the "
            "files, give another one with --resume PATH, or train from the beginning with --overwrite, which deletes "
            "them, or with another --work-dir."
        )
    if pointer is None:
        return None
    if not resumable:
        return str(pointer) if pointer.is_file() else None  # a run with `out_dir`
    raise ValueError(
        f"{Path(pointer_folder or folder) / POINTER} names {pointer}, but {folder} contains no checkpoint. Copy the "
        f"checkpoint there, give its path with --resume PATH, or train from the beginning with --overwrite or another "
        "--work-dir."
    )


def is_complete(path: str | Path) -> bool:
    """Whether a checkpoint can be read."""
    try:
        read_checkpoint(path, in_place=True)
    except (ValueError, OSError):
        return False
    return True


def newest_other(path: str | Path) -> str | None:
    """The newest complete checkpoint in the folder of a damaged or missing one."""
    path = Path(path).expanduser()
    try:
        found = find_checkpoint(path.parent, resumable=True)
    except (ValueError, OSError):
        return None
    return None if found is None or Path(found) == path else found


def _number(name: str, templates: Iterable[str] = ()) -> int | None:
    """The number in the name of a checkpoint; None if it is another file."""
    for template in (*TEMPLATES, *templates):
        before, _, after = template.partition("{}")
        found = re.fullmatch(rf"{re.escape(before)}(\d{{1,18}}){re.escape(after)}", name, flags=re.ASCII)
        if found:
            return int(found.group(1))
    return None


def _steps(path: Path, resumable: bool) -> int:
    content = read_checkpoint(path, in_place=True)
    if resumable:
        content = check_content(content, path.name)
        require_resumable(content, path.name)
    meta = content.get("meta")
    steps = meta.get("iter") if isinstance(meta, dict) else None
    return steps if isinstance(steps, int) else 0


def _read_pointer(folder: Path) -> Path | None:
    """The path in `last_checkpoint`; None if the file is missing or contains no name."""
    try:
        text = read_regular_file(folder / POINTER, 4096).decode().strip()
    except (OSError, UnicodeDecodeError):
        return None
    path = Path(*PureWindowsPath(text).parts) if "\\" in text else Path(text)
    return path if path.name and "\0" not in text else None


def _short(error: Exception) -> str:
    text = str(error)
    return text if len(text) <= 300 else text[:300] + "..."
