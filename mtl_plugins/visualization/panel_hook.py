from pathlib import Path

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from PIL import Image

from mtl_plugins.registry import HOOKS

from .training_progress import training_progress
from .visualizer import MultiTaskVisualizer, write_picture

PANELS_FOLDER = "panels"


@HOOKS.register_module()
class PanelHook(Hook):
    """Writes panels (image, ground truth, prediction of every task) in validation and test.

    Validation: ``<work_dir>/panels/<image>_epoch_<n>.png`` and the visualizer's TensorBoard, if any; the
    first images of the main process. Test, when ``out_dir`` is given: ``<out_dir>/<image>.png`` by every
    process. A picture that can't be painted is passed over; the reason is logged once.

    Args:
        num_images: panels in one validation.
        interval: epochs between validations that are painted; that of the last epoch always is.
        out_dir: folder for test panels; ``None`` writes none.
        num_test_images: test panels a process; ``None`` for all.
    """

    priority = "LOW"

    def __init__(self, num_images=4, interval=1, out_dir=None, num_test_images=None):
        if num_images < 0 or interval < 1:
            raise ValueError(
                "PanelHook needs num_images >= 0 and interval >= 1 (epochs), but was given "
                f"num_images={num_images}, interval={interval}"
            )
        self.num_images = num_images
        self.interval = interval
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.num_test_images = num_test_images
        self._painter = None
        self._painted = 0  # samples of this epoch that were tried
        self._written = 0
        self._source_of = {}  # file name -> the image that it shows
        self._warned = False

    def before_val_epoch(self, runner):
        self._begin(runner, runner.val_dataloader)

    def before_test_epoch(self, runner):
        self._begin(runner, runner.test_dataloader)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if not is_main_process() or self._painted >= self.num_images:
            return
        progress = training_progress(runner)
        if progress is not None and not _due(progress, self.interval):
            return
        folder = Path(runner.work_dir) / PANELS_FOLDER
        for image, sample, name in self._samples(data_batch, outputs, self.num_images):
            title, file_name, step = name, name, 0
            if progress is not None:
                digits = max(3, len(str(progress.last)))
                title = f"{name}, {progress.unit} {progress.step}"
                file_name = f"{name}_{progress.unit}_{progress.step:0{digits}d}"
                step = progress.step
            path = folder / f"{file_name}.png"
            self._paint(runner, image, sample, title, path, (f"panels/{name}", step))

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.out_dir is None:
            return
        for image, sample, name in self._samples(data_batch, outputs, self.num_test_images):
            self._paint(runner, image, sample, name, self.out_dir / f"{name}.png")

    def after_test_epoch(self, runner, metrics=None):
        if self.out_dir is not None and self._written:
            runner.logger.info(f"{self._written} panels are in {self.out_dir}")

    def _begin(self, runner, dataloader):
        self._painted = self._written = 0
        self._source_of = {}
        if isinstance(runner.visualizer, MultiTaskVisualizer):
            self._painter = runner.visualizer
        elif self._painter is None:
            self._painter = MultiTaskVisualizer(name="panels")
        # The loop that was built last has set the visualizer's; the pictures are of this loop's dataset.
        self._painter.dataset_meta = getattr(dataloader.dataset, "metainfo", None)

    def _samples(self, data_batch, outputs, limit):
        """(image, sample, name) of the batch's samples up to ``limit`` in this epoch (``None``: all)."""
        for image, sample in zip(data_batch["inputs"], outputs, strict=False):
            if limit is not None and self._painted >= limit:
                return
            yield image, sample, self._name(sample)
            self._painted += 1

    def _name(self, sample):
        """The image's stem; where two images share it (KITTI's drives do), the sample's number is added."""
        index = sample.get("sample_idx", self._painted)
        source = str(sample.get("img_path", index))
        name = Path(source).stem
        if self._source_of.setdefault(name, source) != source:
            name = f"{name}_{index}"
        return name

    def _paint(self, runner, image, sample, title, path, track=None):
        try:
            panel = self._painter.draw(_picture(image, sample), sample, title=title)
            write_picture(panel, path)
            if track is not None:
                name, step = track
                self._painter.add_image_to_trackers(name, panel, step)
            self._written += 1
        except Exception as error:  # a picture is never worth a training run
            if not self._warned:
                runner.logger.warning(
                    f"PanelHook could not paint {path} ({type(error).__name__}: {error}). Training and "
                    "metrics are not touched; further panels that fail are passed over without a word."
                )
                self._warned = True


def _due(progress, interval):
    """Whether this validation is painted; ``interval`` counts epochs."""
    return progress.unit != "epoch" or progress.step % interval == 0 or progress.step >= progress.last


def _picture(image, sample):
    """The image, uint8 (H', W', 3), at the size that predictions are given at.

    Where the network saw it at another size, the file itself is looked at again: it is sharper.
    """
    picture = image.detach().cpu().permute(1, 2, 0).numpy()
    size = tuple(sample.get("ori_shape") or picture.shape[:2])
    if picture.shape[:2] == size:
        return picture
    original = _read_if_size(sample.get("img_path"), size)
    if original is not None:
        return original
    return np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling.BILINEAR))


def _read_if_size(path, size):
    try:
        with Image.open(path) as file:
            return np.asarray(file.convert("RGB")) if file.size == size[::-1] else None
    except (OSError, AttributeError, ValueError):  # no file, as for images that came from elsewhere
        return None
