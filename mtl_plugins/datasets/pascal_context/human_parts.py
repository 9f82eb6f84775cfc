from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision import tv_tensors

from mtl_plugins.files import read_mat

from ..data_error import DataError

#: The classes of `parts`; 0 is everything that is not a person
PART_CLASSES = ("background", "head", "torso", "upper arm", "lower arm", "upper leg", "lower leg")
#: Names of PASCAL-Part by class. A leading l or r is left or right; `lleg` is the lower leg, `uarm` the upper arm
_NAMES = {
    "head": "head hair lear rear lebrow rebrow leye reye mouth nose",
    "torso": "torso neck",
    "upper arm": "luarm ruarm",
    "lower arm": "llarm rlarm lhand rhand",
    "upper leg": "luleg ruleg",
    "lower leg": "llleg rlleg lfoot rfoot",
}
_CLASS_OF = {name: PART_CLASSES.index(title) for title, names in _NAMES.items() for name in names.split()}


def read_human_parts(path: str | Path) -> tv_tensors.Mask | None:
    """Read the parts of all persons of an image, uint8 (1, H, W), ids of `PART_CLASSES`.

    Args:
        path: A MATLAB file of PASCAL-Part (Chen et al., CVPR 2014) with the variable `anno`.

    Returns:
        The ids, or None if no person of the image has parts.

    Raises:
        DataError: The file is damaged, or a person has a part that is not in the list.
    """
    anno = read_mat(path, ["anno"]).get("anno")
    try:
        objects = _list(anno[0]["objects"]) if anno else None
        humans = [each for each in objects or () if each["class"] == "person"]
        parts = [(part["part_name"], np.asarray(part["mask"])) for each in humans for part in _list(each["parts"])]
    except (TypeError, KeyError, IndexError) as error:
        raise DataError(f"{path} is not a file of PASCAL-Part: {type(error).__name__}: {error}.") from None
    if objects is None:
        raise DataError(f"{path} has no annotation (anno). Is it a file of PASCAL-Part?")
    if not parts:
        return None
    ids = np.zeros(parts[0][1].shape, np.uint8)
    for name, mask in parts:
        if name not in _CLASS_OF:
            known = ", ".join(sorted(_CLASS_OF))
            raise DataError(f"{path} has the part {name!r} of a person, but the parts are: {known}.")
        if mask.shape != ids.shape or mask.ndim != 2:
            raise DataError(f"{path}: the mask of {name!r} has the shape {mask.shape}, another one {ids.shape}.")
        ids[mask > 0] = _CLASS_OF[name]
    return tv_tensors.Mask(torch.from_numpy(ids)[None])


def _list(value: Any) -> list:
    """The elements of a struct array; MATLAB stores an array without elements as numbers."""
    return value if isinstance(value, list) else []
