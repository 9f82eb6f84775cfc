"""Whether training and test show objects at the same size, which the depth of a single image depends on."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torchvision import tv_tensors

from mtl_plugins.datasets import Pipeline, innermost_datasets
from mtl_plugins.datasets.bad_samples import READ_ERRORS
from mtl_plugins.datasets.seeded_draw import seeded_draw
from mtl_plugins.datasets.transforms import PackSample
from mtl_plugins.kinds import kind_of_task, kinds_of_heads
from mtl_plugins.registry import HOOKS
from mtl_plugins.structures import DepthMap, Intrinsics
from mtl_plugins.unwrap_model import unwrap_model

_FOCAL = 1000.0  # pixels; any number would do
_DRAWS = 16
_TOLERANCE = 1.25


@HOOKS.register_module()
class InputScaleHook(Hook):
    """Warns at the start of a training if the training and the test pipeline show objects at different sizes.

    A network that sees an object at half the size takes it to be twice as far away. `Resize` and `ResizeInput` change
    the size of objects and keep the metres, so both pipelines need the same. `RandomZoom` changes the metres with the
    size, so its factor does not count here; it cannot replace a `Resize`.

    The check applies to datasets with metric depth. It sends an empty image with a camera through the pipelines of the
    training set, of the validation set and of `predict_pipeline`, and compares the focal lengths in pixels of the
    network's input. A resumed training is not checked.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare the pipelines."""
        if runner.iter or not is_main_process():
            return
        heads = getattr(unwrap_model(runner.model), "heads", {})
        kinds = kinds_of_heads(heads)
        val = dict(_parts(getattr(getattr(runner.val_loop, "dataloader", None), "dataset", None)))
        predict = Pipeline(runner.cfg.get("predict_pipeline") or [PackSample()])
        for name, part in _parts(runner.train_dataloader.dataset):
            tasks = [task for task in part.tasks if task in heads]
            depth = next((task for task in tasks if kind_of_task(task, kinds=kinds).name == "metric_depth"), None)
            if depth is None:
                continue
            others: dict[str, Callable] = {"predict_pipeline": predict}
            if name in val:
                others = {"the pipeline of the validation set": val[name].pipeline} | others
            for where, pipeline in others.items():
                if message := compare_scales(part, pipeline, where, depth):
                    title = f"the training set {name!r}" if name else "the training set"
                    runner.logger.warning(f"{depth} of {title}: {message}")
                    break


def compare_scales(dataset: Any, pipeline: Callable, where: str, task: str = "depth") -> str | None:
    """Why a pipeline does not fit the training pipeline of a dataset with metric depth; None if it does.

    Args:
        dataset: The training set, with its `pipeline`.
        pipeline: The pipeline that prepares images for a prediction.
        where: Name of `pipeline` in the message.
        task: Name of the depth label.
    """
    try:
        size = tuple(dataset.read(0)["img"].shape[-2:])
    except READ_ERRORS:
        return None  # the training reports it
    trained, tested = input_scale(dataset.pipeline, size, task), input_scale(pipeline, size, task, draws=1)
    if trained is None or tested is None or 1 / _TOLERANCE < trained / tested < _TOLERANCE:
        return None
    return (
        f"the training pipeline shows objects at {trained:.2f} times the size in the dataset's {size[0]}x{size[1]} "
        f"images (RandomZoom does not count, because it changes the metres, too), but {where} at {tested:.2f} times. "
        f"Predicted depth will be wrong by a factor of about {max(trained / tested, tested / trained):.2g}. Use the "
        "same Resize or ResizeInput in both, in training before RandomZoom."
    )


def input_scale(pipeline: Callable, size: tuple[int, int], task: str = "depth", draws: int = _DRAWS) -> float | None:
    """The size of objects in the network's input relative to the image, at constant metres; a geometric mean.

    Args:
        pipeline: From a sample dict to a packed sample; may draw random numbers.
        size: (H, W) of the image.
        task: Name of the depth label.
        draws: Number of samples to average.

    Returns:
        None if the pipeline cannot process a sample that only has an image, a camera and depth, or removes the camera.
    """
    total = 0.0
    for seed in range(draws):
        sample = {
            "img": tv_tensors.Image(torch.zeros(3, *size, dtype=torch.uint8)),
            task: DepthMap(torch.ones(1, *size)),
            "intrinsics": Intrinsics((_FOCAL, _FOCAL, size[1] / 2, size[0] / 2), canvas_size=size),
            "meta": {},
        }
        try:
            with seeded_draw(seed):
                meta = pipeline(sample)["data_samples"].metainfo
            focal, before, after = meta["intrinsics"][1], meta["ori_shape"][0], meta["img_shape"][0]
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
            return None  # a custom pipeline may need more
        total += math.log(focal / _FOCAL * after / before)  # `ResizeInput` leaves the camera that of the labels
    return math.exp(total / draws)


def _parts(dataset: Any) -> Iterator[tuple[str, Any]]:
    """The datasets by name that can read a sample and have a pipeline."""
    for part in innermost_datasets(dataset):
        if all(hasattr(part, name) for name in ("read", "pipeline", "tasks")):
            yield getattr(part, "name", None) or "", part
