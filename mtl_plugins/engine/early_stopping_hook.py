"""Early stopping in the direction of the monitored metric."""

from mmengine.hooks import EarlyStoppingHook as _EarlyStoppingHook

from mtl_plugins.kinds.metric_direction import higher_is_better
from mtl_plugins.registry import HOOKS


@HOOKS.register_module()
class EarlyStoppingHook(_EarlyStoppingHook):
    """mmengine's `EarlyStoppingHook`, whose `rule` follows from the monitored metric by default.

    See `mtl_plugins.kinds.metric_direction`.
    """

    def _init_rule(self, monitor: str) -> str:
        higher = higher_is_better(monitor)
        if higher is None:
            return super()._init_rule(monitor)
        return "greater" if higher else "less"
