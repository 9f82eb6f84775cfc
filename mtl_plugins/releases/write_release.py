import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mtl_plugins.files import write_bytes, write_text

from .description import CARD_FILE, DESCRIPTION_FILE, FORMAT, WEIGHTS_FILE, read_description, sealed
from .model_card import model_card
from .release_index import NAME_PATTERN, IndexEntry, ReleaseFile, add_to_index, source_releases
from .weights_file import weights_bytes


def require_name(name: str) -> None:
    """Check the name of a release.

    Raises:
        ValueError: It has other characters than lower-case letters, digits, `-`, `_` and `.`.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(
            f"the name {name!r} is not allowed: use at most 64 lower-case letters, digits, '-', '_' and '.', and begin "
            "with a letter or digit, as in --name kitti-drive."
        )


def write_release(out: str | Path, description: dict[str, Any], state: Mapping[str, Tensor]) -> Path:
    """Write the folder of a release: weights, description and model card.

    In the folder `releases` of the source tree, the index of the package gets the release's sizes and checksums.

    Args:
        out: The folder that contains the releases.
        description: The description without `format`, `sha256` and the checksum of the weights.
        state: The weights to store.

    Returns:
        The folder `out/NAME`.

    Raises:
        ValueError: The name or another part of the description is not allowed.
        OSError: A file cannot be written.
    """
    require_name(description["name"])
    folder, content = Path(out) / description["name"], weights_bytes(state)
    weights = dict(file=WEIGHTS_FILE, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    complete = sealed({"format": FORMAT, **description, "weights": {**weights, **description["weights"]}})
    (folder / DESCRIPTION_FILE).unlink(missing_ok=True)  # an interrupted release is incomplete, not inconsistent
    write_bytes(folder / WEIGHTS_FILE, content)
    write_text(folder / CARD_FILE, model_card(complete))
    write_text(folder / DESCRIPTION_FILE, json.dumps(complete, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    try:
        read_description(folder)
    except ValueError:
        (folder / DESCRIPTION_FILE).unlink()
        raise
    source = source_releases()
    if source is not None and folder.resolve().parent == source.resolve():
        files = {name: _entry_of(folder / name) for name in (DESCRIPTION_FILE, WEIGHTS_FILE)}
        about, trained_with = (complete.get(key, "") for key in ("about", "trained_with"))
        add_to_index(complete["name"], IndexEntry(about, trained_with, files))
    return folder


def _entry_of(path: Path) -> ReleaseFile:
    content = path.read_bytes()
    return ReleaseFile(len(content), hashlib.sha256(content).hexdigest())
