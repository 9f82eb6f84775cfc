from torch import Tensor

from mtl_plugins.functional.balancing import dual_proj_weights, upgrad_weights
from mtl_plugins.registry import MODELS

from .with_preference import WithPreference


@MODELS.register_module()
class UPGrad(WithPreference):
    """UPGrad: projects each task's gradient so that it conflicts with no other one, and takes the mean.

    Quinton and Rey, "Jacobian Descent for Multi-Objective Optimization", 2024. To first order, no task gets worse.
    Without conflicts it is the mean of the gradients. The weights are at least 1 / T, and a task of small gradients
    counts little, as in the sum of the losses. The heads' gradients keep the factor 1.

    One backward pass through the trunk, T small quadratic programs. No state. A task whose gradient is 0 gets 1 / T.

    Agrees with TorchJD and LibMTL, except that gradients of any size are balanced. TorchJD takes the mean of small
    gradients.

    Args:
        tasks: Names of the model's tasks (set by the model).
        preference: The share of each task: one positive number per task, a dict or in the order of the tasks. With
            None, all are 1 / T.
        **kwargs: As for `GradientBalancer`.
    """

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        return upgrad_weights(gramian, self.shares(tasks))


@MODELS.register_module()
class DualProj(WithPreference):
    """DualProj: projects the mean gradient so that it conflicts with no task's gradient.

    Lopez-Paz and Ranzato, "Gradient Episodic Memory for Continual Learning", NeurIPS 2017. `UPGrad` projects each
    gradient instead, so a task with small gradients has more influence there. The weights are at least 1 / T. The
    heads' gradients keep the factor 1.

    One backward pass through the trunk, a small quadratic program. No state. A task whose gradient is 0 gets 1 / T.

    Agrees with TorchJD, except that gradients of any size are balanced.

    Args:
        tasks: Names of the model's tasks (set by the model).
        preference: As for `UPGrad`.
        **kwargs: As for `GradientBalancer`.
    """

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        return dual_proj_weights(gramian, self.shares(tasks))
