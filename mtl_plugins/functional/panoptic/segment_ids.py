"""The id of a segment, `class * 1000 + instance`, as in Cityscapes' panoptic files."""

import torch
from torch import Tensor

from mtl_plugins.label_spaces import VOID

#: The factor of the class in an id, so the largest number of instances of a class is one less.
INSTANCES_PER_CLASS = 1000

#: The id of pixels without a label. It is that of masks, so transforms fill maps of ids as they fill masks.
PANOPTIC_VOID = VOID


def join_segments(classes: Tensor, instances: Tensor) -> Tensor:
    """The ids of segments.

    Args:
        classes: Class ids, integers; 255 is void.
        instances: Numbers of the instances, integers of the same shape; 0 for stuff, such as walls and floor.

    Returns:
        int32: `class * 1000 + instance`, or `PANOPTIC_VOID` where the class is void.

    Raises:
        ValueError: A number is negative, 1000 or larger, or class 0 has an instance 255, whose id means void.

    Examples:
        >>> join_segments(torch.tensor([0, 5, 5, 255]), torch.tensor([0, 1, 2, 3])).tolist()
        [0, 5001, 5002, 255]
    """
    classes, instances = classes.to(torch.int32), instances.to(torch.int32)
    void = classes == VOID
    counted = instances.masked_fill(void, 0)
    if counted.numel() and (int(counted.min()) < 0 or int(counted.max()) >= INSTANCES_PER_CLASS):
        raise ValueError(
            f"instances are numbered 0 to {INSTANCES_PER_CLASS - 1}, but the numbers are {int(counted.min())} to "
            f"{int(counted.max())}. Number the instances of each image from 1."
        )
    ids = classes * INSTANCES_PER_CLASS + counted
    if bool((ids[~void] == PANOPTIC_VOID).any()):
        raise ValueError(
            f"instance {PANOPTIC_VOID} of class 0 has the id {PANOPTIC_VOID}, which means void. Number the instances "
            "of each image from 1."
        )
    return ids.masked_fill(void, PANOPTIC_VOID)


def split_segments(ids: Tensor) -> tuple[Tensor, Tensor]:
    """The classes and the numbers of the instances; the inverse of `join_segments`.

    Args:
        ids: Ids of segments, integers.

    Returns:
        Class ids, 255 for void, and numbers of instances, 0 for stuff and void.
    """
    void = ids == PANOPTIC_VOID
    classes = torch.div(ids, INSTANCES_PER_CLASS, rounding_mode="floor").masked_fill(void, VOID)
    return classes, (ids % INSTANCES_PER_CLASS).masked_fill(void, 0)
