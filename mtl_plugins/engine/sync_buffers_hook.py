from mmengine.dist import all_reduce_params, get_world_size
from mmengine.hooks import EMAHook, Hook

from mtl_plugins.registry import HOOKS

from .unwrap_model import unwrap_model


@HOOKS.register_module()
class SyncAllBuffersHook(Hook):
    """Averages batch-norm statistics over the processes before each checkpoint of an epoch and each validation.

    mmengine's ``SyncBuffersHook`` leaves out the averaged model of ``EMAHook``: each process would then validate
    another network, and the checkpoint would hold a third.
    """

    priority = "ABOVE_NORMAL"  # before CheckpointHook saves, and before EMAHook swaps the averaged weights in

    def after_train_epoch(self, runner):
        self._sync(runner)

    def before_val_epoch(self, runner):
        self._sync(runner)

    def _sync(self, runner):
        if get_world_size() == 1:
            return
        averaged = [hook.ema_model for hook in runner.hooks if isinstance(hook, EMAHook) and hasattr(hook, "ema_model")]
        for model in (runner.model, *averaged):
            model = model.module if model in averaged else unwrap_model(model)
            all_reduce_params(model.buffers(), op="mean")
