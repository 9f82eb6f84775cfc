from collections.abc import Sequence

from torch import Tensor
from torch.utils._pytree import tree_map

from mtl_plugins.models import MultiTaskModel
from mtl_plugins.models.forward_pass import Branch, ForwardPass, ForwardResult

from .backend import Backend
from .check_exported import check_same_network


class BackendForward(ForwardPass):
    """A forward pass whose raw outputs are computed by a backend instead of the model's own weights."""

    def __init__(self, backend: Backend):
        self.backend = backend

    def __call__(
        self, model: MultiTaskModel, images: Tensor, tasks: Sequence[str] | None = None, branch: Branch | None = None
    ) -> ForwardResult:
        device = next(model.parameters()).device
        outputs = self.backend(images)
        wanted = model.tasks if tasks is None else tasks
        return ForwardResult(None, {task: tree_map(lambda t: t.to(device), outputs[task]) for task in wanted})


def compute_with(model: MultiTaskModel, backend: Backend) -> None:
    """Compute the raw outputs of a model with a backend. Resizing, metrics and pictures stay those of the model.

    Copies of the model compute with their own weights.

    Args:
        model: The model.
        backend: A backend of the same network.

    Raises:
        ValueError: The backend belongs to another network, is end-to-end, or has no output for a task of the model.
    """
    check_same_network(backend.signature, model)
    missing = [task for task in model.tasks if task not in backend.tasks]
    if backend.signature.end_to_end or missing:
        problem = f"has no output for {', '.join(missing)}" if missing else "returns predictions, not raw outputs"
        raise ValueError(
            f"the exported network {problem}: export all tasks ({', '.join(model.tasks)}), without --end-to-end."
        )
    model.forward_pass = BackendForward(backend)
