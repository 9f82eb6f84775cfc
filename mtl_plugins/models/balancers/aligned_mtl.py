from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mtl_plugins.functional.balancing import SCALE_MODES, ScaleMode, aligned_weights
from mtl_plugins.registry import MODELS

from .with_preference import WithPreference


@MODELS.register_module()
class AlignedMTL(WithPreference):
    """Aligned-MTL: makes the gradients orthogonal and equally long, and takes their mean.

    Senushkin et al., "Independent Component Alignment for Multi-Task Learning", CVPR 2023. With `scale_mode="min"` the
    step is as long as in the direction in which the gradients are weakest, so it can be short. Weights can be negative.
    The heads' gradients keep the factor 1.

    One backward pass through the trunk. No state. A task whose gradient is 0 gets weight 0.

    The computation is TorchJD's. LibMTL's sums the aligned gradients: set `preference` to ones for that.

    Args:
        tasks: Names of the model's tasks (set by the model).
        scale_mode: The length of the aligned gradients, from the eigenvalues of the Gramian: `"min"`, `"median"` or
            `"rmse"` (their mean).
        preference: The share of each task: one positive number per task, a dict or in the order of the tasks. With
            None, all are 1 / T.
        **kwargs: As for `GradientBalancer`.

    Raises:
        ValueError: A value is not allowed.
    """

    def __init__(self, tasks: Sequence[str], *, scale_mode: ScaleMode = "min", **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.scale_mode = self.check_choice("scale_mode", scale_mode, SCALE_MODES)

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        return aligned_weights(gramian, self.scale_mode, self.shares(tasks))
