import copy
from collections.abc import Sequence

from torch import Tensor, nn

from mtl_plugins.kernels import fits

from .finest_stage import FinestStage
from .multi_task_model import MultiTaskModel, select_outputs


class InferenceNetwork(nn.Module):
    """A trained ``MultiTaskModel`` as what is compiled and exported: tensors in and out, nothing of training.

    Args:
        model: Stays as it is; this is a copy.
        tasks: Those to compute, in this order; ``None``: all.
        whole: Whether the graph holds what comes before and after the network: it then takes uint8 images, RGB, and
            gives each task's map at their size (class ids, metres, unit vectors). Else it takes normalised floats and
            gives raw outputs.
        dataset: For heads that tell datasets apart: whose classes and depths are wanted, where ``whole``.
        cheap: Whether the work is arranged anew, for the same answer but for rounding (`FinestStage`). ``None``: on the
            CPU, where it pays.

    ``forward`` takes (N, 3, H, W) and gives a tuple of (N, C, h, w), one a task.

    Raises:
        ValueError: a task that the model has no head for.
    """

    def __init__(
        self,
        model: MultiTaskModel,
        tasks: Sequence[str] | None = None,
        whole: bool = False,
        dataset: str | None = None,
        cheap: bool | None = None,
    ):
        super().__init__()
        self.tasks = check_tasks(model, tasks)
        self.whole, self.dataset = whole, dataset
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        for task in set(self.model.heads) - set(self.tasks):
            del self.model.heads[task]
        self.model.hint = None
        if cheap is None:
            cheap = next(model.parameters()).device.type == "cpu"
        self.finest = FinestStage(self.model) if cheap and FinestStage.fits(self.model) else None

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        if not self.whole:
            raw = self._outputs(images)
            return tuple(raw[task] for task in self.tasks)
        raw = self._outputs(self.model.data_preprocessor.normalise(images))
        return tuple(self._predict(task, raw[task], images.shape[-2:]) for task in self.tasks)

    def _outputs(self, images):
        if self.finest is None or fits(images):  # our kernels keep to the cache without parts
            return self.model.outputs(images)
        features = self.model.backbone(images)
        return self.finest(features, self.model.neck.coarser(features))

    def _predict(self, task, outputs, size):
        head = self.model.heads[task]
        return head.predict(select_outputs(head, outputs, self.dataset), size)


def check_tasks(model: MultiTaskModel, tasks: Sequence[str] | None) -> tuple[str, ...]:
    """The tasks that are wanted, all where ``None``; ``ValueError`` for one that the model has no head for."""
    wanted = model.tasks if tasks is None else tuple(dict.fromkeys(tasks))
    unknown = sorted(set(wanted) - set(model.tasks))
    if unknown or not wanted:
        told = f"has no task {', '.join(unknown)}" if unknown else "is asked for no task"
        raise ValueError(f"the network {told}: choose of {', '.join(model.tasks)}.")
    return wanted
