from dataclasses import replace

import torch

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.functional.depth_metrics import depth_scores, depth_statistics, evaluated_pixels
from mtl_plugins.registry import METRICS

from .depth_protocol import PROTOCOLS
from .task_metric import TaskMetric

_SAME = "as the protocol"


@METRICS.register_module()
class DepthMetric(TaskMetric):
    """RMSE, RMSE log, abs rel, sq rel, SILog and δ1–δ3 of metric depth; see :func:`depth_scores`.

    A pixel counts where min_depth < label < max_depth; predictions are clamped to that range.

    Args:
        task: the key of the task.
        protocol: a name of ``PROTOCOLS``; it stands in the log and in the results.
        crop, min_depth, max_depth, average: what differs from it; see :class:`DepthProtocol`.
    """

    score_names = ("rmse", "rmse_log", "abs_rel", "sq_rel", "silog", "delta1", "delta2", "delta3")

    def __init__(
        self,
        task="depth",
        protocol="nyud",
        crop=_SAME,
        min_depth=_SAME,
        max_depth=_SAME,
        average=_SAME,
        **kwargs,
    ):
        super().__init__(task, **kwargs)
        if protocol not in PROTOCOLS:
            hint = did_you_mean(protocol, PROTOCOLS)
            raise ValueError(f"DepthMetric has protocol={protocol!r}: {hint}Known: {', '.join(PROTOCOLS)}.")
        given = dict(crop=crop, min_depth=min_depth, max_depth=max_depth, average=average)
        settings = replace(PROTOCOLS[protocol], **{name: value for name, value in given.items() if value != _SAME})
        self.name = protocol if settings == PROTOCOLS[protocol] else f"{protocol}, changed"
        self.settings = settings

    def evaluated(self, target):
        """Bool, shape of ``target``: the pixels that count."""
        return evaluated_pixels(target, self.settings.min_depth, self.settings.max_depth, self.settings.crop)

    def statistics(self, prediction, target):
        prediction = prediction.double().clamp(self.settings.min_depth, self.settings.max_depth)
        return depth_statistics(prediction, target, self.evaluated(target))

    def scores(self, results):
        return depth_scores(torch.stack(results), self.settings.average)

    def protocol(self):
        source = self.metainfo.get("depth_source")
        return f"{self.name} ({self.settings}{f'; {source}' if source else ''})"
