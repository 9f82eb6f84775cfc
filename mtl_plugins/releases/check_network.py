"""Which networks a release may describe: parts of this package, with options that read no file and fetch nothing."""

import re
from collections.abc import Mapping
from typing import Any

import timm

from mtl_plugins.engine.checkpoint.checks import MISSING, WrongValueError, boolean, integer, mapping, number, optional
from mtl_plugins.registry import MODELS, TRANSFORMS

_PARTS = dict(backbone="backbones", neck="necks", head="heads", loss="losses", data_preprocessor="data_preprocessor")
_DECODERS = ("decoder", "fuse")  # options of heads and necks that are necks
_TRANSFORMS = ("CenterCrop", "PackSample", "Pad", "Resize", "ResizeInput")
_FEATURE_LOCATIONS = ("", "incre")  # of timm's HRNet
_MODEL = "MultiTaskModel"
_LARGEST = 65536  # channels, layers, pixels of a side
_MOST_PIXELS = 2**27
_MOST_ITEMS = 10_000
_LONGEST = 200  # characters
_DEEPEST = 8


def check_network(model: Any, where: str = "model") -> dict:
    """Check the config of a model, in which only parts of this package are allowed.

    Args:
        model: The config of a `MultiTaskModel`.
        where: Its place, for messages.

    Raises:
        WrongValueError: It names another part, or an option that could read a file, fetch something or is too large.
    """
    checked = mapping(
        dict(
            type=_is_model,
            backbone=_part("backbone"),
            neck=optional(_part("neck")),
            heads=_heads,
            data_preprocessor=_part("data_preprocessor"),
            channels_last=boolean,
        ),
        required=("type", "backbone", "heads"),
    )(model, where)
    _check_backbone(checked["backbone"], f"{where}['backbone']")
    return checked


def check_pipeline(pipeline: Any, where: str = "predict_pipeline") -> list:
    """Check the transforms that prepare an image.

    Raises:
        WrongValueError: One of them is not allowed, or a size is too large.
    """
    if not isinstance(pipeline, list) or not 1 <= len(pipeline) <= _DEEPEST:
        raise WrongValueError(where, pipeline, f"a list of 1 to {_DEEPEST} transforms")
    for index, transform in enumerate(pipeline):
        place = f"{where}[{index}]"
        name = _type_of(transform, place)
        if name not in _TRANSFORMS or name not in TRANSFORMS:
            raise WrongValueError(f"{place}['type']", name, f"one of {', '.join(_TRANSFORMS)}")
        for key, value in transform.items():
            _check_option(value, f"{place}[{key!r}]")
        size = transform.get("size")
        height, width = size if isinstance(size, list) and len(size) == 2 else (size, size)
        if isinstance(height, int) and isinstance(width, int) and not 0 < height * width <= _MOST_PIXELS:
            raise WrongValueError(f"{place}['size']", size, f"an image of 1 to {_MOST_PIXELS:,} pixels")
    if pipeline[-1]["type"] != "PackSample":
        raise WrongValueError(f"{where}[{len(pipeline) - 1}]['type']", pipeline[-1]["type"], "'PackSample' at the end")
    return pipeline


def _is_model(value: Any, where: str) -> str:
    if value != _MODEL:
        raise WrongValueError(where, value, f"'{_MODEL}'")
    return value


def _heads(value: Any, where: str) -> dict:
    heads = mapping(others=_part("head"))(value, where)
    for task in heads:
        if not re.fullmatch(r"\w{1,64}", task):  # it becomes the name of a folder of predictions
            raise WrongValueError(f"a key of {where}", task, "the name of a task: letters, digits and underscores")
    return heads


def _part(role: str) -> Any:
    """A check of the config of a part with this role."""

    def check(value: Any, where: str) -> dict:
        name, allowed = _type_of(value, where), _allowed(role)
        if name not in allowed:
            raise WrongValueError(
                f"{where}['type']", name, f"a {role.replace('_', ' ')} of this package ({', '.join(allowed)})"
            )
        for key, option in value.items():
            place = f"{where}[{key!r}]"
            if not isinstance(key, str) or key == "init_cfg":
                raise WrongValueError(place, option, "no such option in a release, which has its own weights")
            if key in ("loss", "soft_loss"):
                for index, loss in enumerate([option] if isinstance(option, dict) else _list(option, place)):
                    _part("loss")(loss, place if isinstance(option, dict) else f"{place}[{index}]")
            elif key in _DECODERS and isinstance(option, dict):
                _part("neck")(option, place)
            else:
                _check_option(option, place)
        return value

    return check


def _allowed(role: str) -> list[str]:
    """Names of the registered parts of a role that this package contains, without those of users."""
    MODELS.import_from_location()
    module = f"mtl_plugins.models.{_PARTS[role]}"
    return sorted(name for name, part in MODELS.module_dict.items() if f"{part.__module__}.".startswith(f"{module}."))


def _type_of(value: Any, where: str) -> str:
    if not isinstance(value, dict):
        raise WrongValueError(where, value, "a dict with the key 'type'")
    if "type" not in value:
        raise WrongValueError(f"{where}['type']", MISSING, "the name of a part")
    if not isinstance(value["type"], str):
        raise WrongValueError(f"{where}['type']", value["type"], "the name of a part")
    return value["type"]


def _check_backbone(backbone: Mapping[str, Any], where: str) -> None:
    """timm can also read files and fetch configs: only its own models, with numbers as their options."""
    if backbone.get("pretrained", False) is not False:
        raise WrongValueError(f"{where}['pretrained']", backbone["pretrained"], "False: a release has its own weights")
    if "model_name" not in backbone and backbone["type"] != "TimmBackbone":
        return
    name = backbone.get("model_name")
    if not isinstance(name, str) or not re.fullmatch(r"[\w.]{1,100}", name) or not timm.is_model(name.split(".")[0]):
        raise WrongValueError(f"{where}['model_name']", name, f"the name of a model of timm {timm.__version__}")
    for key, value in backbone.items():
        if key == "feature_location" and value in _FEATURE_LOCATIONS:
            continue
        if key not in ("type", "model_name", "out_features"):
            _check_numbers(value, f"{where}[{key!r}]")


def _check_numbers(value: Any, where: str) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check_numbers(item, f"{where}[{index}]")
    elif not (value is None or isinstance(value, bool | int | float)):
        raise WrongValueError(where, value, "a number, True, False, None or a list of these")


def _check_option(value: Any, where: str, depth: int = 0) -> None:
    """Check an option of a part: plain values that name no further part."""
    if depth > _DEEPEST:
        raise WrongValueError(where, value, f"at most {_DEEPEST} levels of lists and dicts")
    if isinstance(value, dict):
        if "type" in value:
            raise WrongValueError(where, value, "plain values, not another part")
        for key, item in value.items():
            _check_option(item, f"{where}[{key!r}]", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(_list(value, where)):
            _check_option(item, f"{where}[{index}]", depth + 1)
    elif isinstance(value, str):
        if len(value) > _LONGEST:
            raise WrongValueError(where, value, f"a string of at most {_LONGEST} characters")
    elif isinstance(value, int) and not isinstance(value, bool):
        integer(-_LARGEST, _LARGEST)(value, where)
    elif value is not None and not isinstance(value, bool):
        number()(value, where)


def _list(value: Any, where: str) -> list:
    if not isinstance(value, list) or len(value) > _MOST_ITEMS:
        raise WrongValueError(where, value, f"a list of at most {_MOST_ITEMS:,} items")
    return value
