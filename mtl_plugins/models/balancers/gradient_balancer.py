from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn

from mtl_plugins.functional.balancing import combine, gramian, norms
from mtl_plugins.functional.balancing.gramian import Row, in_memory_order, is_channels_last, precise

from .balance_report import BalanceReport
from .balancer import Balancer
from .branch_point import BranchPoint
from .given_gradients import with_gradients
from .task_losses import TaskLosses

if TYPE_CHECKING:
    from ..multi_task_model import MultiTaskModel

PLACES = ("features", "parameters")
_FLOAT16_SCALE = 2.0**12  # keeps small gradients in float16, where `at="parameters"` differentiates before the scaler


class GradientBalancer(Balancer):
    """Base class of balancers that combine the tasks' gradients.

    Args:
        tasks: Names of the model's tasks (set by the model).
        at: Where the gradients are compared. `"features"`: where the heads read the trunk, with one backward pass
            through the trunk. `"parameters"`: at the parameters of the backbone and the neck, exactly, with one
            backward pass per task.
        scale_heads: Whether the weights also scale the gradients of the heads' parameters; by default as in the
            method's paper.
        **kwargs: As for `Balancer`.

    Raises:
        ValueError: A value is not allowed.
    """

    heads_are_scaled = True  # in the paper
    places: tuple[str, ...] = PLACES
    complete_rows = False  # whether rows at the parameters have zeros for parameters that no task reaches

    def __init__(self, tasks: Sequence[str], *, at: str | None = None, scale_heads: bool | None = None, **kwargs: Any):
        super().__init__(tasks, **kwargs)
        at = self.places[0] if at is None else at
        if at not in self.places:
            raise ValueError(f"{type(self).__name__}: at={at!r} must be {' or '.join(map(repr, self.places))}.")
        self.at = at
        self.scale_heads = self.heads_are_scaled if scale_heads is None else self.check_flag("scale_heads", scale_heads)
        self._losses: TaskLosses | None = None  # of the current step, for its backward pass

    @abstractmethod
    def direction(self, rows: Sequence[Row], losses: TaskLosses, shared: bool) -> tuple[list[Tensor | None], Tensor]:
        """Combine the gradients.

        Args:
            rows: Gradients of the present tasks.
            losses: Their losses.
            shared: Whether every process has the same rows. If False, each has those of its own images.

        Returns:
            The combined gradients, and the weight of each task (T,) float64.
        """

    def branch_point(self) -> BranchPoint | None:
        """The heads' features, if the gradients are compared there."""
        if len(self.tasks) < 2 or self.at != "features":
            return None
        return BranchPoint(self._at_features, self.scale_heads)

    def total(self, losses: TaskLosses, model: "MultiTaskModel", branch: BranchPoint | None) -> Tensor:
        """The sum of the losses. Its gradient is the combination of the tasks' gradients."""
        if len(self.tasks) > 1 and self.at == "parameters" and losses.present:
            return self._at_parameters(losses, model)
        self._losses = losses._replace(local={}, other=None)  # without their graph
        total = losses.plus_other(sum(losses.local.values()))  # type: ignore[arg-type]
        return total if branch is None or branch.probe is None else total + branch.probe

    def _at_features(self, rows, factor):
        losses, self._losses = self._losses, None
        assert losses is not None, "two backward passes through one step"
        present = [rows[task] for task in losses.present]
        zeros = [next((g for g in column if g is not None), None) for column in zip(*rows.values(), strict=True)]
        if not present:  # the gradients of tasks without labels are zeros, which DDP expects to arrive
            return zeros, {}
        factor = factor or 1.0
        combined, weights = self.direction(_unscaled(present, factor), losses, shared=False)
        combined = [g if g is None or factor == 1.0 else g * factor for g in combined]
        combined = [zero if g is None else g for g, zero in zip(combined, zeros, strict=True)]
        factors = dict.fromkeys(rows, 0.0) | dict(zip(losses.present, weights.tolist(), strict=True))
        return combined, factors

    def _at_parameters(self, losses, model):
        shared = shared_parameters(model)
        half = any(
            torch.is_autocast_enabled(d) and torch.get_autocast_dtype(d) == torch.float16 for d in ("cuda", "cpu")
        )
        scale = _FLOAT16_SCALE if half else 1.0
        rows, of_heads, heads = [], [], []
        pending = [task for task in losses.present if losses.local[task].requires_grad]
        for task in losses.present:
            own = trainable(model.heads[task])
            found = [None] * (len(shared) + len(own))
            if task in pending:
                keep = task != pending[-1] or losses.other is not None
                found = torch.autograd.grad(
                    losses.local[task] * scale, [*shared, *own], retain_graph=keep, allow_unused=True
                )
            found = [None if gradient is None else gradient / scale for gradient in found]
            row = _mean_over_processes(found[: len(shared)], shared)
            rows.append(_with_zeros(row, shared) if self.complete_rows else row)
            of_heads.append(found[len(shared) :])
            heads.append(own)
        combined, weights = self.direction(rows, losses, shared=True)
        parameters, gradients = list(shared), list(combined)
        for own, found, weight in zip(heads, of_heads, weights.tolist(), strict=True):
            parameters += own
            gradients += [g if g is None or not self.scale_heads else g * weight for g in found]
        for task in set(losses.local) - set(losses.present):
            parameters += trainable(model.heads[task])
        gradients += [None] * (len(parameters) - len(gradients))
        gradients = _with_zeros(gradients, parameters)  # DDP expects a gradient of every parameter
        value = sum(loss.detach() for loss in losses.local.values())
        return losses.plus_other(with_gradients(value, parameters, gradients))


class GramianBalancer(GradientBalancer):
    """Base class of balancers whose weights follow from the inner products of the gradients.

    A subclass implements `weights`.
    """

    # whether `every` and `smoothing` act on weight * norm, for weights that grow without bound
    of_unit_gradients = False

    @abstractmethod
    def weights(self, gramian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> Tensor:
        """Weights of the tasks with a label (T,).

        Args:
            gramian: Inner products of their gradients over the complete batch (T, T), float64, on the CPU.
            tasks: Their names.
            losses: Their losses (T,), float64, on the CPU.
        """

    def direction(self, rows: Sequence[Row], losses: TaskLosses, shared: bool) -> tuple[list[Tensor | None], Tensor]:
        """The weighted sum of the gradients, and the weights."""
        tasks, products = losses.present, None
        if self.of_unit_gradients or self.reused_weights(tasks) is None:
            # The processes have different images, so their Gramians add up: their losses are N / world times as large.
            products = gramian(rows).cpu() if _reached(rows) else torch.zeros(len(rows), len(rows)).double()
            if not shared and get_world_size() > 1:
                all_reduce(products)
                products /= get_world_size() ** 2
        if not _finite(products, losses):  # overflow of float16: the step will be skipped
            weights = torch.ones(len(tasks), dtype=torch.float64)
        else:
            weights = self._settled(products, losses)
        self.report = BalanceReport(tasks, weights, products)
        return combine(rows, weights.tolist()), weights

    def _settled(self, products, losses):
        tasks = losses.present
        if not self.of_unit_gradients or self.warming_up:
            return self.settle(tasks, lambda: self.weights(products, tasks, losses.values))
        lengths = norms(products)
        reached = lengths > 0  # the others have no such weight: NaN is not stored as an old weight

        def solve():
            return torch.where(reached, self.weights(products, tasks, losses.values) * lengths, torch.nan)

        return torch.where(reached, self.settle(tasks, solve) / lengths, 0.0).nan_to_num(0.0)


class JacobianBalancer(GradientBalancer):
    """Base class of balancers that need the gradients themselves, not only their inner products.

    A subclass implements `combined`.

    Raises:
        ValueError: `every` or `smoothing` is set: there are no weights to reuse.
    """

    def __init__(self, tasks: Sequence[str], **kwargs: Any):
        super().__init__(tasks, **kwargs)
        if self.every != 1 or self.smoothing:
            raise ValueError(f"{type(self).__name__} combines gradients in every step: leave out every and smoothing.")

    @abstractmethod
    def combined(self, jacobian: Tensor, tasks: tuple[str, ...], losses: Tensor) -> tuple[Tensor, Tensor]:
        """Combine the gradients.

        Args:
            jacobian: Gradients of the tasks with a label (T, D), float32 or float64.
            tasks: Their names.
            losses: Their losses (T,), float64, on the CPU.

        Returns:
            The combined gradient (D,), and weights (T,) for the heads and the log.
        """

    def direction(self, rows: Sequence[Row], losses: TaskLosses, shared: bool) -> tuple[list[Tensor | None], Tensor]:
        """The combined gradient, and the weights of the heads."""
        tasks = losses.present
        ones = torch.ones(len(tasks), dtype=torch.float64)
        products = gramian(rows).cpu() if _reached(rows) else None
        if products is None or not _finite(products, losses) or self.warming_up:
            self.report = BalanceReport(tasks, ones, products)
            return combine(rows, ones.tolist()), ones
        columns = list(zip(*rows, strict=True))
        templates = [next((g for g in column if g is not None), None) for column in columns]
        flat = torch.stack([_flatten(row, templates) for row in rows])
        direction, weights = self.combined(flat, tasks, losses.values)
        self.report = BalanceReport(tasks, weights.detach().cpu().double(), products)
        return _unflatten(direction, templates), weights.detach().cpu().double()


def shared_parameters(model: "MultiTaskModel") -> list[Tensor]:
    """The trainable parameters of the backbone and the neck."""
    return [p for part in (model.backbone, model.neck) if part is not None for p in trainable(part)]


def trainable(module: nn.Module) -> list[Tensor]:
    """The trainable parameters of a module."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def _with_zeros(gradients, parameters):
    return [torch.zeros_like(p) if g is None else g for g, p in zip(gradients, parameters, strict=True)]


def _finite(products, losses):
    return bool((products is None or products.isfinite().all()) and losses.values.isfinite().all())


def _reached(rows):
    return any(gradient is not None for row in rows for gradient in row)


def _unscaled(rows, factor):
    if factor == 1.0:
        return rows
    return [[None if g is None else g / factor for g in row] for row in rows]


def _flatten(row, templates):
    parts = []
    for gradient, template in zip(row, templates, strict=True):
        if template is not None:
            full = torch.zeros_like(template) if gradient is None else gradient
            parts.append(precise(in_memory_order(full, template).flatten()))
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def _unflatten(direction, templates):
    gradients, start = [], 0
    for template in templates:
        if template is None:
            gradients.append(None)
            continue
        part = direction[start : start + template.numel()].to(template.dtype)
        if is_channels_last(template):
            n, c, *size = template.shape
            gradients.append(part.view(n, *size, c).movedim(-1, 1))
        else:
            gradients.append(part.view(template.shape))
        start += template.numel()
    return gradients


def _mean_over_processes(gradients, parameters):
    """The mean of a row over all processes; no change with one process."""
    if get_world_size() == 1:
        return gradients
    full = _with_zeros(gradients, parameters)
    flat = torch.cat([gradient.flatten() for gradient in full])
    all_reduce(flat, op="mean")
    return [
        part.view(gradient.shape) for part, gradient in zip(flat.split([g.numel() for g in full]), full, strict=True)
    ]
