from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor


class NeckOutput(NamedTuple):
    """What a neck with auxiliary predictions returns in training.

    Attributes:
        features: The features of the heads, finest first: one list for all heads, or a dict with one list per task.
        auxiliary: Additional raw outputs (N, C, h, w) of tasks, such as the initial predictions of PAD-Net. The model
            compares each of them with the label by the task's own head, and adds the losses times the neck's
            `auxiliary_weight` as `<task>.loss_<name>_aux<i>`.
    """

    features: Sequence[Tensor] | Mapping[str, Sequence[Tensor]]
    auxiliary: Mapping[str, Sequence[Tensor]]
