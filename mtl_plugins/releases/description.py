"""`model.json`, the description of a release: plain data that is checked before anything is built from it."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mtl_plugins.engine.checkpoint.checks import (
    WrongValueError,
    integer,
    mapping,
    number,
    optional,
    plain,
    sequence,
    text,
)
from mtl_plugins.files import DataError, read_json

from .check_network import check_network, check_pipeline
from .release_index import NAME_PATTERN

FORMAT = 1
DESCRIPTION_FILE = "model.json"
"""What a release is: its network, classes, metrics and checksums."""
WEIGHTS_FILE = "model.safetensors"
"""The weights of a release."""
CARD_FILE = "README.md"
"""The model card of a release."""
_MAX_BYTES = 4_000_000
_MAX_WEIGHTS = 2**36  # bytes
_DIGEST_KEY = "sha256"


def read_description(folder: str | Path) -> dict[str, Any]:
    """Read and check the description of a release.

    Args:
        folder: The folder of the release.

    Raises:
        FileNotFoundError: The folder has no description.
        DataError: The description is damaged or was changed, belongs to a newer version, or describes something else
            than a network of this package's parts.
    """
    path = Path(folder) / DESCRIPTION_FILE
    if path.is_file() and path.stat().st_size > _MAX_BYTES:
        raise DataError(f"{path} has more than {_MAX_BYTES:,} bytes: it is not the description of a release.")
    content = read_json(path)
    found = content.get("format")
    if isinstance(found, int) and not isinstance(found, bool) and found > FORMAT:
        raise DataError(
            f"{path} has the format {found:.20g}, but this version of mtl-plugins reads formats up to {FORMAT}: "
            "upgrade mtl-plugins."
        )
    try:
        checked = _DESCRIPTION(content, "")
    except WrongValueError as error:
        raise DataError(f"{path} does not describe a network that can be loaded: {error}.") from None
    except RecursionError:
        raise DataError(f"{path} does not describe a network: its lists or dicts are nested too deeply.") from None
    if digest_of(content) != content[_DIGEST_KEY]:
        raise DataError(
            f"{path} was changed or damaged after it had been written: its checksum does not match its content. "
            "Get the release again."
        )
    return checked


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """A description with its checksum."""
    return {**content, _DIGEST_KEY: digest_of(content)}


def digest_of(content: dict[str, Any]) -> str:
    """The checksum of a description: SHA-256 of its canonical JSON without the checksum itself."""
    rest = {key: value for key, value in content.items() if key != _DIGEST_KEY}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def to_plain(value: Any, where: str) -> Any:
    """A value of a config as JSON represents it: tuples become lists.

    Raises:
        ValueError: JSON cannot represent it.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [to_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: to_plain(item, f"{where}.{key}") for key, item in value.items()}
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers, tensors
        return to_plain(value.tolist(), where)
    raise ValueError(
        f"{where} is of type {type(value).__name__}, which a release cannot contain: it has only numbers, strings, "
        "lists and dicts. Use the registered name of a part in place of the part itself."
    )


def _matching(pattern: str, expected: str) -> Callable[[Any, str], str]:
    def check(value: Any, where: str) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise WrongValueError(where, value, expected)
        return value

    return check


def _format(value: Any, where: str) -> int:
    return integer(1, FORMAT)(value, where)


def _dataset_meta(value: Any, where: str) -> dict:
    """Classes and colours by dataset and task, with tuples as in `METAINFO`."""
    return _tuples(_META(value, where))


def _datasets(value: Any, where: str) -> dict:
    return mapping(others=mapping(_META_KEYS))(value, where)


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


_SHA256 = _matching(r"[0-9a-f]{64}", "64 hexadecimal digits")
_NAMES = sequence(text(200))
_COLOURS = sequence(sequence(integer(0, 255), 3))
_META_KEYS = dict(
    classes=optional(_NAMES),
    palette=optional(_COLOURS),
    tasks=_NAMES,
    task_classes=mapping(others=_NAMES),
    task_palettes=mapping(others=_COLOURS),
)
_META = mapping({**_META_KEYS, "datasets": _datasets})
_DESCRIPTION = mapping(
    dict(
        format=_format,
        name=_matching(NAME_PATTERN, "a name of lower-case letters, digits, '-', '_' and '.'"),
        about=text(1000),
        note=text(10_000),
        model=check_network,
        predict_pipeline=check_pipeline,
        dataset_meta=_dataset_meta,
        tasks=mapping(others=text(200)),
        trained_with=text(200),
        evaluated_on=text(1000),
        images=mapping(others=integer(1)),
        metrics=mapping(others=optional(number())),
        units=mapping(others=text(20)),
        protocols=mapping(others=text(1000)),
        licence=text(10_000),
        attribution=text(10_000),
        versions=mapping(others=text(100)),
        weights=mapping(
            dict(
                file=_matching(re.escape(WEIGHTS_FILE), f"'{WEIGHTS_FILE}'"),
                size=integer(1, _MAX_WEIGHTS),
                sha256=_SHA256,
                parameters=integer(),
                precision=text(100),
                differences=mapping(others=number(0)),
            ),
            required=("file", "size", "sha256"),
        ),
        sha256=_SHA256,
    ),
    others=plain,  # of later versions with the same format
    required=("format", "name", "model", "predict_pipeline", "dataset_meta", "weights", "sha256"),
)
