from collections.abc import Sequence

from torch import Tensor

from mtl_plugins.models import MultiTaskModel

from .backend import Backend
from .network_digest import check_same_network


def answer_with(model: MultiTaskModel, backend: Backend) -> None:
    """Have a backend compute a model's raw outputs, so that all else (resizing, metrics, pictures) stays as it is.

    Raises:
        ValueError: the backend is of another network, gives maps (``whole``), or lacks a task of the model.
    """
    check_same_network(backend.signature, model)
    lacking = [task for task in model.tasks if task not in backend.tasks]
    if backend.signature.whole or lacking:
        wrong = f"lacks {', '.join(lacking)}" if lacking else "gives maps, not raw outputs"
        raise ValueError(f"the exported network {wrong}: export all tasks ({', '.join(model.tasks)}), without --whole.")
    device = next(model.parameters()).device

    def outputs(images: Tensor, tasks: Sequence[str] | None = None) -> dict[str, Tensor]:
        answers = backend(images)
        return {task: answers[task].to(device) for task in (model.tasks if tasks is None else tasks)}

    model.outputs = outputs
