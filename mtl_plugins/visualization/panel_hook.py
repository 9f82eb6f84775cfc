from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor

from mtl_plugins.kinds import meta_of_model
from mtl_plugins.registry import HOOKS
from mtl_plugins.unwrap_model import unwrap_model

from .sample_picture import sample_picture
from .training_progress import Progress, training_progress
from .visualizer import MultiTaskVisualizer, write_picture

PANELS_FOLDER = "panels"


@HOOKS.register_module()
class PanelHook(Hook):
    """Writes panels (image, ground truth and prediction of every task) in validation and test.

    In validation it writes `<work_dir>/panels/<image>_epoch_<n>.png` for the first images of the main process, and
    passes them to the visualizer's TensorBoard, if any. In a test with `out_dir`, every process writes
    `<out_dir>/<image>.png`. If a picture cannot be painted, it is skipped and the first reason is logged.

    Args:
        num_images: Panels per validation.
        interval: Epochs between validations with panels; the validation after the last epoch always has them.
        out_dir: Folder for the panels of a test; `None` to write none.
        num_test_images: Panels per process in a test; `None` for all images.
    """

    priority = "LOW"

    def __init__(
        self,
        num_images: int = 4,
        interval: int = 1,
        out_dir: str | Path | None = None,
        num_test_images: int | None = None,
    ):
        if num_images < 0 or interval < 1:
            raise ValueError(
                "PanelHook needs num_images of 0 or more and an interval of 1 epoch or more; given: "
                f"num_images={num_images}, interval={interval}."
            )
        self.num_images = num_images
        self.interval = interval
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.num_test_images = num_test_images
        self._painter: Any = None
        self._painted = 0  # samples of this epoch that were tried
        self._written = 0
        self._source_of: dict[str, str] = {}  # file name -> the image that it shows
        self._warned = False

    def before_val_epoch(self, runner: Runner) -> None:
        """Prepare the painter for the validation set."""
        self._begin(runner, runner.val_dataloader)

    def before_test_epoch(self, runner: Runner) -> None:
        """Prepare the painter for the test set."""
        self._begin(runner, runner.test_dataloader)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Write the panels of the first images."""
        if not is_main_process() or self._painted >= self.num_images:
            return
        progress = training_progress(runner)
        if progress is not None and not _due(progress, self.interval):
            return
        folder = Path(runner.work_dir) / PANELS_FOLDER
        for image, sample, name in self._samples(data_batch, outputs or (), self.num_images):
            title, file_name, step = name, name, 0
            if progress is not None:
                digits = max(3, len(str(progress.last)))
                title = f"{name}, {progress.unit} {progress.step}"
                file_name = f"{name}_{progress.unit}_{progress.step:0{digits}d}"
                step = progress.step
            path = folder / f"{file_name}.png"
            self._paint(runner, image, sample, title, path, (f"panels/{name}", step))

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Write the panels of the batch."""
        if self.out_dir is None:
            return
        for image, sample, name in self._samples(data_batch, outputs or (), self.num_test_images):
            self._paint(runner, image, sample, name, self.out_dir / f"{name}.png")

    def after_test_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Log where the panels are."""
        if self.out_dir is not None and self._written:
            runner.logger.info(f"{self._written} panels are in {self.out_dir}")

    def _begin(self, runner: Runner, dataloader: Any) -> None:
        self._painted = self._written = 0
        self._source_of = {}
        if isinstance(runner.visualizer, MultiTaskVisualizer):
            self._painter = runner.visualizer
        elif self._painter is None:
            self._painter = MultiTaskVisualizer(name="panels")
        # The visualizer has the metainfo of the loop that was built last; the pictures show this loop's dataset.
        meta = getattr(dataloader.dataset, "metainfo", None) or {}
        model = unwrap_model(runner.model)
        heads = getattr(model, "heads", {})
        self._painter.dataset_meta = meta_of_model(meta, heads)

    def _samples(
        self, data_batch: Any, outputs: Sequence[Any], limit: int | None
    ) -> Iterator[tuple[Tensor, BaseDataElement, str]]:
        """(image, sample, name) of the batch's samples, up to `limit` in this epoch (`None`: all)."""
        for image, sample in zip(data_batch["inputs"], outputs, strict=False):
            if limit is not None and self._painted >= limit:
                return
            if sample.get("bad_samples"):  # the input is another image
                continue
            yield image, sample, self._name(sample)
            self._painted += 1

    def _name(self, sample: BaseDataElement) -> str:
        """The image's stem; if several images share it, as in KITTI's drives, with the number of the sample."""
        index = sample.get("sample_idx", self._painted)
        source = str(sample.get("img_path", index))
        name = Path(source).stem
        if self._source_of.setdefault(name, source) != source:
            name = f"{name}_{index}"
        return name

    def _paint(
        self,
        runner: Runner,
        image: Tensor,
        sample: BaseDataElement,
        title: str,
        path: Path,
        track: tuple[str, int] | None = None,
    ) -> None:
        try:
            panel = self._painter.draw(sample_picture(image, sample), sample, title=title)
            write_picture(panel, path)
            if track is not None:
                name, step = track
                self._painter.add_image_to_trackers(name, panel, step)
            self._written += 1
        except Exception as error:  # a picture is never worth a training run
            if not self._warned:
                runner.logger.warning(
                    f"PanelHook could not paint {path} ({type(error).__name__}: {error}). Training and "
                    "metrics are not affected. Further failures are not logged."
                )
                self._warned = True


def _due(progress: Progress, interval: int) -> bool:
    """Whether this validation has panels; `interval` counts epochs."""
    return progress.unit != "epoch" or progress.step % interval == 0 or progress.step >= progress.last
