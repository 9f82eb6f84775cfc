import copy
from collections.abc import Sequence

from torch import Tensor, nn

from mtl_plugins.kernels import fits

from .finest_stage import FinestStage
from .forward_pass import Outputs, run_eagerly
from .multi_task_model import MultiTaskModel, select_outputs


class InferenceNetwork(nn.Module):
    """The inference part of a trained `MultiTaskModel`: tensors in and out, as it is compiled and exported.

    Args:
        model: The trained model. It is copied and stays unchanged.
        tasks: Tasks to compute, in this order; all by default. Other heads are removed, and so is what only they need
            in a backbone or a neck that has `prune(tasks)`.
        end_to_end: Whether the network includes normalisation and prediction. If True, it takes uint8 RGB images and
            returns predictions at their size (class ids, metres, unit vectors). If False, it takes normalised floats
            and returns raw outputs.
        dataset: The dataset whose classes and depths an end-to-end network predicts, for heads that distinguish
            datasets.
        channel_blocked: Whether to run the finest level in channel blocks (`FinestStage`), with the same result up to
            rounding. By default on the CPU.

    Raises:
        ValueError: The model has no head for one of the tasks.
    """

    def __init__(
        self,
        model: MultiTaskModel,
        tasks: Sequence[str] | None = None,
        end_to_end: bool = False,
        dataset: str | None = None,
        channel_blocked: bool | None = None,
    ):
        super().__init__()
        self.tasks = check_tasks(model, tasks)
        self.end_to_end, self.dataset = end_to_end, dataset
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.model.forward_pass = run_eagerly
        for task in set(self.model.heads) - set(self.tasks):
            del self.model.heads[task]
        if set(self.tasks) != set(model.tasks):
            for part in (self.model.backbone, self.model.neck):
                if hasattr(part, "prune"):
                    part.prune(self.tasks)
        self.model.hint = None
        self.model.balancer = None
        if channel_blocked is None:
            channel_blocked = next(model.parameters()).device.type == "cpu"
        self.finest = FinestStage(self.model) if channel_blocked and FinestStage.fits(self.model) else None

    def forward(self, images: Tensor) -> dict[str, Outputs]:
        """Outputs by task, in the order of `tasks`.

        Args:
            images: (N, 3, H, W): uint8 RGB if end-to-end, else normalised floats.

        Returns:
            A tensor (N, C, h, w) per task, or a tree (dict, list, tuple) of tensors if the head returns one.
        """
        if not self.end_to_end:
            raw = self._outputs(images)
            return {task: raw[task] for task in self.tasks}
        raw = self._outputs(self.model.data_preprocessor.normalise(images))
        return {task: self._predict(task, raw[task], images.shape[-2:]) for task in self.tasks}

    def _outputs(self, images):
        if self.finest is None or fits(images):  # the custom kernels use the cache without channel blocks
            return self.model.outputs(images)
        features = self.model.backbone(images)
        return self.finest(features, self.model.neck.coarser(features))

    def _predict(self, task, outputs, size):
        head = self.model.heads[task]
        return head.predict(select_outputs(head, outputs, self.dataset), size)


def check_tasks(model: MultiTaskModel, tasks: Sequence[str] | None) -> tuple[str, ...]:
    """The requested tasks without duplicates; all tasks of `model` by default.

    Raises:
        ValueError: The model has no head for one of them, or `tasks` is empty.
    """
    wanted = model.tasks if tasks is None else tuple(dict.fromkeys(tasks))
    unknown = sorted(set(wanted) - set(model.tasks))
    if unknown or not wanted:
        problem = f"the network has no task {', '.join(unknown)}" if unknown else "tasks is empty"
        raise ValueError(f"{problem}: choose from {', '.join(model.tasks)}.")
    return wanted
