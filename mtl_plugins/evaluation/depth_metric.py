from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.functional.depth_metrics import depth_scores, depth_statistics, evaluated_pixels
from mtl_plugins.registry import METRICS

from .depth_protocol import PROTOCOLS
from .task_metric import TaskMetric, why_not_a_number

_SAME: Any = "as the protocol"
_ERRORS = ("rmse", "rmse_log", "abs_rel", "sq_rel", "silog")
_ACCURACIES = ("delta1", "delta2", "delta3")


@METRICS.register_module()
class DepthMetric(TaskMetric):
    """RMSE, RMSE log, abs rel, sq rel, SILog and δ1 to δ3 of metric depth; see `depth_scores`.

    Pixels count if min_depth < label < max_depth; predictions are clamped to that range.

    Args:
        task: Name of the task.
        protocol: A name in `PROTOCOLS`; it is part of the log.
        crop: Replaces the protocol's crop; see `DepthProtocol`.
        min_depth: Replaces the protocol's `min_depth`.
        max_depth: Replaces the protocol's `max_depth`.
        average: Replaces the protocol's average.
        **kwargs: Options of `TaskMetric`.
    """

    score_names = (*_ERRORS, *_ACCURACIES)
    higher_is_better = dict.fromkeys(_ERRORS, False) | dict.fromkeys(_ACCURACIES, True)
    unit = dict.fromkeys(("rmse", "sq_rel"), "m") | dict.fromkeys(_ACCURACIES, "share") | {"silog": "x100"}

    def __init__(
        self,
        task: str = "depth",
        protocol: str = "nyud",
        crop: str | None = _SAME,
        min_depth: float = _SAME,
        max_depth: float = _SAME,
        average: str = _SAME,
        **kwargs: Any,
    ):
        super().__init__(task, **kwargs)
        if protocol not in PROTOCOLS:
            hint = did_you_mean(protocol, PROTOCOLS)
            raise ValueError(f"DepthMetric has protocol={protocol!r}: {hint}Known: {', '.join(PROTOCOLS)}.")
        given: dict[str, Any] = dict(crop=crop, min_depth=min_depth, max_depth=max_depth, average=average)
        settings = replace(PROTOCOLS[protocol], **{name: value for name, value in given.items() if value != _SAME})
        self.name = protocol if settings == PROTOCOLS[protocol] else f"{protocol}, changed"
        self.settings = settings

    def evaluated(self, target: Tensor) -> Tensor:
        """The pixels that count, bool in the shape of `target`."""
        return evaluated_pixels(target, self.settings.min_depth, self.settings.max_depth, self.settings.crop)

    def statistics(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Sums of the errors of each image."""
        prediction = prediction.double().clamp(self.settings.min_depth, self.settings.max_depth)
        return depth_statistics(prediction, target, self.evaluated(target))

    def scores(self, results: list) -> dict[str, float]:
        """Compute the scores of the dataset."""
        return depth_scores(torch.stack(results), self.settings.average)

    def why_undefined(self, results: list) -> str:
        """No reading is within the range and the crop of the protocol, or predictions are not finite."""
        return why_not_a_number(torch.stack(results)[:, 0], f"no label has a reading that counts ({self.settings})")

    def implausible(self, labels: Sequence[Tensor]) -> str | None:
        """Compare the median of the labels' readings with that of the protocol's scenes."""
        problem = self.settings.implausible(labels)
        advice = "Check the scale of the depth files (depth_scale, or scale of the label)."
        return None if problem is None else f"{problem} under the protocol {self.name}. {advice}"

    def protocol(self) -> str:
        """The protocol, its settings and the source of the depth."""
        source, wanted = self.metainfo.get("depth_source"), self.settings.source
        label = f"; {source}" if source else ""
        if source and wanted and source != wanted:
            label += f" instead of {wanted}"
        return f"{self.name} ({self.settings}{label})"
