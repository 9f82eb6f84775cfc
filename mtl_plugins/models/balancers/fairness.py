import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mtl_plugins.functional.balancing import fair_weights, nash_weights
from mtl_plugins.functional.balancing.gramian import Row
from mtl_plugins.registry import MODELS

from .gradient_balancer import GramianBalancer
from .task_losses import TaskLosses


class _Fair(GramianBalancer):
    """What both methods share: weights of about 1 / |g_i|, and their scale."""

    of_unit_gradients = True

    def __init__(self, tasks: Sequence[str], *, normalised: bool = False, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.normalised = self.check_flag("normalised", normalised)

    def scaled(self, weights: Tensor) -> Tensor:
        """The weights, with the sum T if `normalised` is set."""
        return weights * len(weights) / weights.sum() if self.normalised and weights.any() else weights


@MODELS.register_module()
class NashMTL(_Fair):
    """Nash-MTL: the step on which the tasks agree in Nash's bargaining; it helps each one in proportion.

    Navon et al., "Multi-Task Learning as a Bargaining Game", ICML 2022. The weights are about 1 / |g_i|, so tasks with
    gradients of any size count equally. The combined gradient has length 1 (`max_norm`) whatever the gradients are: the
    learning rate and the scheduler determine the size of the steps. The heads' gradients get the weights, without
    `max_norm`.

    One backward pass through the trunk. No state. A task whose gradient is 0 gets weight 0. `every` and `smoothing` act
    on the weights of unit gradients, |g_i| w_i: old weights do not fit new gradients of another size.

    The solution is exact; that of TorchJD and LibMTL has not converged in about half of the cases.

    Args:
        tasks: Names of the model's tasks (set by the model).
        max_norm: The combined gradient is at most this long; `None` means the square root of the number of tasks. It is
            the gradient at the features if the weights are computed there (see `at`).
        normalised: Scale the weights to the sum T, as large as in the sum of the losses. The size of the steps then
            depends on the gradients, and `max_norm` has no effect.
        **kwargs: As for `GradientBalancer`.

    Raises:
        ValueError: A value is not allowed.
    """

    def __init__(self, tasks: Sequence[str], *, max_norm: float | None = 1.0, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.max_norm = None if max_norm is None else self.check_number("max_norm", max_norm, above=0)

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step, without `max_norm`."""
        return self.scaled(nash_weights(gramian))

    def direction(self, rows: Sequence[Row], losses: TaskLosses, shared: bool) -> tuple[list[Tensor | None], Tensor]:
        """The combined gradient, at most `max_norm` long, and the weights."""
        combined, weights = super().direction(rows, losses, shared)
        if self.max_norm is None or self.normalised or self.warming_up:
            return combined, weights
        assert self.report is not None and self.report.gramian is not None
        length = math.sqrt(max(float(weights @ self.report.gramian @ weights), 0))
        if not length > self.max_norm:
            return combined, weights
        return [None if gradient is None else gradient * (self.max_norm / length) for gradient in combined], weights


@MODELS.register_module()
class FairGrad(_Fair):
    """FairGrad: the alpha-fair step, which helps tasks more that improve less.

    Ban and Ji, "Fair Resource Allocation in Multi-Task Learning", ICML 2024. `(G w)_i = w_i^(-1 / alpha)`. With
    `alpha=1` the weights are those of `NashMTL`, about 1 / |g_i|. The size of the step depends little on that of the
    gradients: the learning rate determines it. The heads' gradients get the weights, too.

    One backward pass through the trunk. No state. A task whose gradient is 0 gets weight 0. `every` and `smoothing` act
    on the weights of unit gradients, as for `NashMTL`.

    The solution is exact. It agrees with TorchJD and LibMTL, except for gradients of very different sizes, for which
    their solvers do not converge.

    Args:
        tasks: Names of the model's tasks (set by the model).
        alpha: The kind of fairness: 1 is proportional fairness, larger values favour the task that improves least. The
            paper uses 1 to 10.
        normalised: Scale the weights to the sum T, as large as in the sum of the losses. The size of the steps then
            depends on the gradients.
        **kwargs: As for `GradientBalancer`.

    Raises:
        ValueError: A value is not allowed.
    """

    def __init__(self, tasks: Sequence[str], *, alpha: float = 1.0, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        self.alpha = self.check_number("alpha", alpha, above=0)

    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """The weights of the step."""
        return self.scaled(fair_weights(gramian, self.alpha))
