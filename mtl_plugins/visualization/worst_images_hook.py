import json
import math
from collections.abc import Iterable, Sequence
from heapq import heappush, heappushpop
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.files import write_text
from mtl_plugins.kinds import higher_is_better, meta_of_model, metric_unit
from mtl_plugins.registry import HOOKS
from mtl_plugins.unwrap_model import unwrap_model

from .sample_picture import sample_picture
from .visualizer import MultiTaskVisualizer, write_picture

LIST_FILE = "worst.json"


class _Found(NamedTuple):
    """An image and its score; heaps compare the first two fields."""

    badness: float  # larger is worse; a full heap drops its smallest item
    order: int  # minus the number of the image: of equal scores the first image stays
    value: float
    image: np.ndarray
    sample: BaseDataElement


@HOOKS.register_module()
class WorstImagesHook(Hook):
    """Finds the images of a test with the worst score of each task, and writes their panels and a list.

    An image is scored by the metric as if it were the complete set. So the mIoU of an image is the mean over the
    classes in its label and its prediction. Images without a label or with an undefined score are left out. Panels are
    `<out_dir>/<metric>/<rank>_<image>.png`, the list is `<out_dir>/worst.json`.

    Args:
        out_dir: The folder.
        number: Images per metric.
        metrics: Keys such as `depth/rmse`; by default the main metric of each task.

    Raises:
        ValueError: A metric is unknown, or there are several processes.
    """

    priority = "LOW"  # after the evaluator

    def __init__(self, out_dir: str | Path, number: int = 10, metrics: Iterable[str] | None = None):
        if number < 1:
            raise ValueError(f"WorstImagesHook: number={number} must be at least 1.")
        self.out_dir, self.number = Path(out_dir), number
        self.wanted = None if metrics is None else tuple(metrics)
        self._scored: dict[str, tuple[Any, str]] = {}
        self._found: dict[str, list[_Found]] = {}
        self._count = 0

    def before_test(self, runner: Runner) -> None:
        """Find the metrics to rank by."""
        if get_world_size() > 1:
            raise ValueError("the worst images are searched for in one process: leave out the launcher.")
        metrics = [m for m in runner.test_evaluator.metrics if hasattr(m, "score_names")]
        known = {f"{metric.prefix}/{name}": (metric, name) for metric in metrics for name in metric.score_names}
        main = [f"{metric.prefix}/{metric.score_names[0]}" for metric in metrics]
        self._scored = {}
        for key in main if self.wanted is None else self.wanted:
            if key not in known:
                hint = did_you_mean(key, known) or f"known: {', '.join(known)}."
                raise ValueError(f"the test of this config has no metric {key!r}; {hint}".rstrip())
            self._scored[key] = known[key]
        self._found, self._count = {key: [] for key in self._scored}, 0

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Score the images of the batch."""
        outputs = outputs or ()
        for key, (metric, name) in self._scored.items():
            results = metric.results[len(metric.results) - len(outputs) :]
            for i, (result, sample) in enumerate(zip(results, outputs, strict=True)):
                value = math.nan if isinstance(result, str) else float(metric.scores([result]).get(name, math.nan))
                if not math.isnan(value):
                    self._keep(key, value, self._count + i, data_batch["inputs"][i], sample)
        self._count += len(outputs)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Write the panels and the list."""
        painter = MultiTaskVisualizer(name="worst")
        heads = getattr(unwrap_model(runner.model), "heads", {})
        meta = getattr(runner.test_dataloader.dataset, "metainfo", None) or {}
        painter.dataset_meta = meta_of_model(meta, heads)
        listed = {}
        for key, found in self._found.items():
            rows, unit = [], metric_unit(key)
            for rank, item in enumerate(sorted(found, reverse=True), 1):
                path = str(item.sample.get("img_path", item.order))
                title = f"{rank}. {Path(path).stem}: {key} {item.value:.4g} {unit}".rstrip()
                picture = self.out_dir / key.replace("/", "_") / f"{rank:03d}_{Path(path).stem}.png"
                write_picture(painter.draw(item.image, item.sample, title=title), picture)
                rows.append(dict(rank=rank, value=item.value, img_path=path, picture=str(picture)))
            listed[key] = rows
            lines = [f"  {row['value']:10.4g}  {row['img_path']}" for row in rows]
            runner.logger.info("\n".join([f"worst images by {key}{f' ({unit})' if unit else ''}:", *lines]))
        write_text(self.out_dir / LIST_FILE, json.dumps(listed, indent=1) + "\n")
        runner.logger.info(f"pictures and {LIST_FILE} are in {self.out_dir}")

    def _keep(self, key: str, value: float, order: int, image: Any, sample: BaseDataElement) -> None:
        badness = -value if higher_is_better(key) else value
        heap = self._found[key]
        if len(heap) == self.number and badness <= heap[0].badness:
            return
        item = _Found(badness, -order, value, sample_picture(image, sample), sample.cpu())
        if len(heap) < self.number:
            heappush(heap, item)
        else:
            heappushpop(heap, item)
