"""Stops at the first NaN or infinite loss and names the task and the images."""

import math
from collections.abc import Collection

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mtl_plugins.registry import HOOKS

_SHOWN = 8  # number of images that the message lists
_ADVICE = (
    "Lower the learning rate (optim_wrapper.optimizer.lr), clip the gradients (optim_wrapper.clip_grad.max_norm=1), "
    "warm up longer, or train in float32; then continue with --resume."
)


class NonFiniteLossError(FloatingPointError, ValueError):
    """A training loss is NaN or infinite."""


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Raises `NonFiniteLossError` if a loss is NaN or infinite, before a checkpoint is saved.

    Args:
        patience: Number of consecutive non-finite losses to tolerate in float16, where the gradient scaler skips their
            updates. In other precisions the first one already invalidates the weights.
    """

    priority = "HIGHEST"

    def __init__(self, patience: int = 10) -> None:
        self.patience = patience
        self._consecutive = 0

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Check the losses of an iteration."""
        outputs = outputs or {}
        losses = {key: value for key, value in outputs.items() if "loss" in key}
        # the total is finite only if its parts are, and reading one value synchronises with the device only once
        checked = [outputs["loss"]] if "loss" in outputs else losses.values()
        if all(bool(torch.as_tensor(value).detach().isfinite()) for value in checked):
            self._consecutive = 0
            return
        self._consecutive += 1
        scaled = getattr(runner.optim_wrapper, "loss_scaler", None) is not None
        if self._consecutive > (self.patience if scaled else 0):
            raise NonFiniteLossError(_describe(runner, losses, data_batch))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Never save non-finite weights, which an update with a finite loss can also cause."""
        invalid = [k for k, v in checkpoint["state_dict"].items() if v.is_floating_point() and not v.isfinite().all()]
        if invalid:
            raise NonFiniteLossError(
                f"training stopped in iteration {runner.iter + 1}: {len(invalid)} weights are NaN or infinite "
                f"({', '.join(invalid[:3])}, ...) and were not saved; earlier checkpoints are unchanged. {_ADVICE}"
            )


def _describe(runner: Runner, losses: dict, data_batch: dict | None) -> str:
    values = {key: float(torch.as_tensor(value).detach()) for key, value in losses.items()}
    invalid = {key: value for key, value in values.items() if not math.isfinite(value)}
    named = {key: value for key, value in invalid.items() if key != "loss"} or invalid
    tasks = sorted({key.split(".")[0] for key in named if "." in key})
    samples = data_batch.get("data_samples") or [] if isinstance(data_batch, dict) else []
    paths = [str(getattr(s, "img_path", "?")) for s in samples if not tasks or _has_label(s, tasks)]
    images = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
    checkpoint = runner.message_hub.runtime_info.get("last_ckpt")
    return "\n".join(
        [
            f"training stopped in iteration {runner.iter + 1}: the loss is NaN or infinite",
            f"  task: {', '.join(tasks) or 'all'} ({', '.join(f'{k} = {v}' for k, v in named.items())})",
            f"  images of the batch: {images or 'unknown'}",
            f"  last complete checkpoint: {checkpoint or 'none yet'} (unchanged)",
            f"Check the labels of these images. {_ADVICE}",
        ]
    )


def _has_label(sample: object, tasks: Collection[str]) -> bool:
    gt = getattr(sample, "gt", None)
    return gt is None or any(task in gt for task in tasks)
