"""Synchronising batch-norm statistics between processes."""

from mmengine.dist import all_reduce_params, get_world_size
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner

from mtl_plugins.registry import HOOKS
from mtl_plugins.unwrap_model import unwrap_model


@HOOKS.register_module()
class SyncAllBuffersHook(Hook):
    """Averages batch-norm statistics over all processes at the end of each epoch and before each validation.

    mmengine's `SyncBuffersHook` ignores the averaged model of `EMAHook`: each process would then validate a different
    network, and the checkpoint would contain yet another one.
    """

    priority = "ABOVE_NORMAL"  # before CheckpointHook saves and before EMAHook swaps in the averaged weights

    def after_train_epoch(self, runner: Runner) -> None:
        """Average the statistics before a checkpoint is saved."""
        self._sync(runner)

    def before_val_epoch(self, runner: Runner) -> None:
        """Average the statistics before a validation."""
        self._sync(runner)

    def _sync(self, runner: Runner) -> None:
        if get_world_size() == 1:
            return
        averaged = [hook.ema_model for hook in runner.hooks if isinstance(hook, EMAHook) and hasattr(hook, "ema_model")]
        for model in (runner.model, *averaged):
            model = model.module if model in averaged else unwrap_model(model)
            all_reduce_params(model.buffers(), op="mean")
