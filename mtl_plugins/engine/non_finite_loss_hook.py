"""Stop at the first loss that is no number, and say where it came from."""

import math

import torch
from mmengine.hooks import Hook

from mtl_plugins.registry import HOOKS

_SHOWN = 8  # images that the message lists
_MEND = (
    "Lower the learning rate (optim_wrapper.optimizer.lr), clip the gradients (optim_wrapper.clip_grad.max_norm=1), "
    "warm up longer or train in float32; then --resume."
)


class NonFiniteLossError(FloatingPointError, ValueError):
    """A training loss is NaN or infinite."""


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Raise :class:`NonFiniteLossError` before a checkpoint is saved, where a loss is NaN or infinite.

    Args:
        patience: consecutive such iterations tolerated where a gradient scaler (float16) skips their updates;
            without one the weights are already spoilt and there is nothing to wait for.
    """

    priority = "HIGHEST"

    def __init__(self, patience=10):
        self.patience = patience
        self._consecutive = 0

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        outputs = outputs or {}
        losses = {key: value for key, value in outputs.items() if "loss" in key}
        # the total is as good as its parts, and looking at it alone waits for the device just once
        looked_at = [outputs["loss"]] if "loss" in outputs else losses.values()
        if all(bool(torch.as_tensor(value).detach().isfinite()) for value in looked_at):
            self._consecutive = 0
            return
        self._consecutive += 1
        scaled = getattr(runner.optim_wrapper, "loss_scaler", None) is not None
        if self._consecutive > (self.patience if scaled else 0):
            raise NonFiniteLossError(_describe(runner, losses, data_batch))

    def before_save_checkpoint(self, runner, checkpoint):
        """A last step whose loss was finite may have spoilt the weights all the same: such are never saved."""
        spoilt = [k for k, v in checkpoint["state_dict"].items() if v.is_floating_point() and not v.isfinite().all()]
        if spoilt:
            raise NonFiniteLossError(
                f"training stopped in iteration {runner.iter + 1}: {len(spoilt)} weights are no numbers any more "
                f"({', '.join(spoilt[:3])}, ...) and were not saved; earlier checkpoints are not touched. {_MEND}"
            )


def _describe(runner, losses, data_batch):
    values = {key: float(torch.as_tensor(value).detach()) for key, value in losses.items()}
    spoilt = {key: value for key, value in values.items() if not math.isfinite(value)}
    named = {key: value for key, value in spoilt.items() if key != "loss"} or spoilt
    tasks = sorted({key.split(".")[0] for key in named if "." in key})
    samples = data_batch.get("data_samples") or [] if isinstance(data_batch, dict) else []
    paths = [str(getattr(s, "img_path", "?")) for s in samples if not tasks or _has_label(s, tasks)]
    images = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
    checkpoint = runner.message_hub.runtime_info.get("last_ckpt")
    return "\n".join(
        [
            f"training stopped in iteration {runner.iter + 1}: the loss is no number any more",
            f"  task: {', '.join(tasks) or 'all'} ({', '.join(f'{k} = {v}' for k, v in named.items())})",
            f"  images of the batch: {images or 'unknown'}",
            f"  last whole checkpoint: {checkpoint or 'none yet'} (not touched)",
            f"Check the labels of these images. {_MEND}",
        ]
    )


def _has_label(sample, tasks):
    gt = getattr(sample, "gt", None)
    return gt is None or any(task in gt for task in tasks)
