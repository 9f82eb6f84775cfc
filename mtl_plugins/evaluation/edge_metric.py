import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dist import is_main_process
from torch import Tensor

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.files import run_jobs
from mtl_plugins.functional.binary_labels import require_binary, valid_binary
from mtl_plugins.functional.edges import edge_counts, edge_scores, label_boundaries, suppress_non_maxima, thin
from mtl_plugins.registry import METRICS

from .edge_protocol import PROTOCOLS, EdgeProtocol
from .task_metric import TaskMetric

_SAME: Any = "as the protocol"
_FAST = 10  # a fast estimate uses every tenth threshold
_WAITING = 2**29  # bytes of images that wait for the worker processes


@METRICS.register_module()
class EdgeMetric(TaskMetric):
    """F-measure of edges with one threshold for the dataset (ODS) and one per image (OIS), and average precision.

    Predictions and ground truth are matched one-to-one, pixel by pixel, as in the BSDS benchmark and in SEISM, without
    MATLAB; see docs/edges.md. The label is a binary map (1, H, W), or one map per annotator, (A, H, W).

    Args:
        task: Name of the task.
        protocol: `'nyud'`, `'pascal'` or `'bsds'`; see `EdgeProtocol`. It is part of the log.
        thresholds: Thresholds, or their number (evenly spaced from 0 to 1, both excluded). By default those of the
            benchmark: 101 (SEISM) or 99 (BSDS).
        fast: Use every tenth threshold: a lower but much faster estimate, for validation during a training.
        workers: Number of processes that match. None: one per core, or none if `fast`. 0: no additional process.
        max_dist: Replaces the protocol's `max_dist`.
        outline: Replaces the protocol's `outline`.
        suppress: Replaces the protocol's `suppress`.
        thinned: Replaces the protocol's `thinned`.
        **kwargs: Options of `TaskMetric`.

    Raises:
        ValueError: The protocol is unknown, or a threshold is not between 0 and 1.
    """

    score_names = ("odsF", "oisF", "AP")
    higher_is_better = dict.fromkeys(score_names, True)
    unit = dict.fromkeys(score_names, "%")

    def __init__(
        self,
        task: str = "edge",
        protocol: str = "nyud",
        thresholds: Sequence[float] | int | None = None,
        fast: bool = False,
        workers: int | None = None,
        max_dist: float = _SAME,
        outline: bool = _SAME,
        suppress: bool = _SAME,
        thinned: bool = _SAME,
        **kwargs: Any,
    ):
        super().__init__(task, **kwargs)
        if protocol not in PROTOCOLS:
            hint = did_you_mean(protocol, PROTOCOLS)
            raise ValueError(f"EdgeMetric has protocol={protocol!r}: {hint}Known: {', '.join(PROTOCOLS)}.")
        given: dict[str, Any] = dict(max_dist=max_dist, outline=outline, suppress=suppress, thinned=thinned)
        settings = replace(PROTOCOLS[protocol], **{name: value for name, value in given.items() if value != _SAME})
        self.settings = settings
        self.thresholds = _thresholds(thresholds, settings)
        self.of_benchmark = len(self.thresholds)
        if fast:
            self.thresholds = self.thresholds[::_FAST]
        same = settings == PROTOCOLS[protocol] and thresholds is None
        self.name = protocol if same else f"{protocol}, changed"
        self.workers = _processes(workers, fast)
        self._waiting = 0  # bytes

    def check(self, prediction: Any, target: Any, image: str) -> None:
        """Raise ValueError if prediction and label have different sizes, or if the label is not binary."""
        if prediction.shape[-2:] == target.shape[-2:]:  # the label may have one channel per annotator
            prediction = prediction.expand(target.shape)
        super().check(prediction, target, image)
        require_binary(target, f"{self.task} of {image}")

    def statistics(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Counts of each image at each threshold, int32 (N, T, 4); see `edge_counts`."""
        return torch.stack([_count(job) for job in self._jobs(prediction, target)])

    def results_of(self, prediction: Tensor, target: Tensor) -> list:
        """The counts of each image, or with worker processes the jobs that compute them later."""
        if not self.workers:
            return super().results_of(prediction, target)
        jobs = list(self._jobs(prediction, target))
        self._waiting += sum(job.bytes for job in jobs)
        return jobs

    def process(self, data_batch: Any, data_samples: Sequence[Any]) -> None:
        """Add one result per sample of a batch. Runs the waiting jobs if they need much memory."""
        super().process(data_batch, data_samples)
        if self._waiting > _WAITING:
            self._run_jobs()

    def evaluate(self, size: int) -> dict:
        """Run the jobs that wait, and compute the scores of all processes' results; see mmengine's `BaseMetric`."""
        self._run_jobs()
        return super().evaluate(size)

    def scores(self, results: list) -> dict[str, float]:
        """Scores in percent."""
        found = edge_scores(torch.stack(results).numpy(), self.thresholds, interpolate=self.settings.bsds)
        return {name: 100 * found[name] for name in self.score_names}

    def report(self, results: list) -> str | None:
        """Recall, precision and threshold of the scores."""
        found = edge_scores(torch.stack(results).numpy(), self.thresholds, interpolate=self.settings.bsds)
        return (
            f"ODS: recall {100 * found['odsR']:.2f} %, precision {100 * found['odsP']:.2f} % at threshold "
            f"{found['odsT']:.3g}; OIS: recall {100 * found['oisR']:.2f} %, precision {100 * found['oisP']:.2f} %"
        )

    def protocol(self) -> str:
        """The protocol, its settings and the thresholds."""
        number = len(self.thresholds)
        steps = f"{number} thresholds"
        if number != self.of_benchmark:
            steps = f"fast estimate with {number} of {self.of_benchmark} thresholds"
        return f"{self.name} ({self.settings}; {steps})"

    def _jobs(self, prediction: Tensor, target: Tensor) -> "list[_Job]":
        maps = prediction[:, 0].float().cpu().numpy()
        truths = target.cpu()
        valid = valid_binary(truths)
        on = (truths == 1) & valid
        return [
            _Job.of(soft, truth.numpy(), known.all(0).numpy(), self.thresholds, self.settings)
            for soft, truth, known in zip(maps, on, valid, strict=True)
        ]

    def _run_jobs(self) -> None:
        where = [index for index, result in enumerate(self.results) if isinstance(result, _Job)]
        if where:
            jobs = [self.results[index] for index in where]
            title = f"{self.prefix}: matching"
            for index, counts in zip(
                where, run_jobs(_count, jobs, title, self.workers, is_main_process()), strict=True
            ):
                self.results[index] = counts
        self._waiting = 0


class _Job(NamedTuple):
    """What a worker process needs for one image."""

    strength: np.ndarray  # uint8 (H, W) for SEISM, float16 for BSDS, where the suppression precedes the rounding
    truths: np.ndarray  # bits of the binary maps (A, H, W)
    shape: tuple[int, ...]
    thresholds: np.ndarray
    settings: EdgeProtocol

    @classmethod
    def of(
        cls, soft: np.ndarray, truths: np.ndarray, valid: np.ndarray, thresholds: np.ndarray, settings: EdgeProtocol
    ) -> "_Job":
        soft = np.where(valid, np.nan_to_num(soft), 0).clip(0, 1)
        strength = soft if settings.bsds else (255 * soft).astype(np.uint8)  # cut, not rounded
        return cls(strength, np.packbits(truths), truths.shape, thresholds, settings)

    @property
    def bytes(self) -> int:
        return self.strength.nbytes + self.truths.nbytes


def _count(job: _Job) -> Tensor:
    """The counts (T, 4) of one image."""
    settings = job.settings
    truths = np.unpackbits(job.truths, count=int(np.prod(job.shape))).reshape(job.shape).astype(bool)
    strength = job.strength if settings.bsds else job.strength.astype(np.float32) / np.float32(255)
    if settings.suppress:
        strength = suppress_non_maxima(strength)
    if settings.bsds:
        strength = np.rint(255 * strength) / 255.0  # users of the benchmark store the suppressed map in an 8-bit PNG
    else:
        truths = np.stack([thin(label_boundaries(truth) if settings.outline else truth) for truth in truths])
    thresholds = job.thresholds.astype(strength.dtype)
    counts = edge_counts(strength, truths, thresholds, settings.max_dist, not settings.bsds, settings.thinned)
    return torch.from_numpy(counts)


def _thresholds(given: Sequence[float] | int | None, settings: EdgeProtocol) -> np.ndarray:
    if given is None:
        return np.array(settings.thresholds)
    values = np.arange(1, given + 1) / (given + 1) if isinstance(given, int) else np.sort(np.asarray(given, np.float64))
    if values.ndim != 1 or not len(values) or not (0 < values[0] and values[-1] < 1):
        raise ValueError(f"EdgeMetric has thresholds={given!r}: give numbers between 0 and 1, or how many, at least 1.")
    return values


def _processes(workers: int | None, fast: bool) -> int:
    if workers is None:
        of_this_machine = int(os.environ.get("LOCAL_WORLD_SIZE", 1))  # processes that torchrun started
        workers = 0 if fast else (os.cpu_count() or 1) // of_this_machine
    if workers < 0:
        raise ValueError(f"EdgeMetric has workers={workers}: use a number of processes, 0 for none, or None.")
    return workers if workers > 1 else 0
