from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mtl_plugins.datasets import DataError, innermost_datasets
from mtl_plugins.datasets.bad_samples import BAD_SAMPLES, BadSample
from mtl_plugins.files import read_lines, write_text
from mtl_plugins.registry import HOOKS

#: The list of the samples that could not be read, in the work directory
BAD_SAMPLES_FILE = "bad_samples.txt"
_HEADER = "# loop\timage\tsample_idx\tdataset\treason\n"


@HOOKS.register_module()
class BadSamplesHook(Hook):
    """Logs and lists the samples that could not be read, for datasets with `on_bad_sample='skip'`.

    `<work_dir>/bad_samples.txt` has one line per sample: the loop (`train`, `val`, `test`), the image, its index, its
    dataset and the reason. The samples name what they replace in their metainfo, so the list does not depend on the
    number of workers and processes, and a resumed run continues it.

    Args:
        interval: Training iterations after which the processes exchange what they found; they also do so at the end of
            each epoch.

    Raises:
        DataError: More samples are bad than `max_bad_samples` allows.
    """

    priority = "LOW"

    def __init__(self, interval: int = 200):
        if interval < 1:
            raise ValueError(f"BadSamplesHook: interval={interval} must be at least 1 iteration.")
        self.interval = interval
        self._found: dict[tuple[str, str], BadSample] = {}  # by loop and image
        self._reported: dict[str, int] = {}
        self._allowed: dict[str, int | None] = {}  # by loop; None: no dataset skips samples
        self._limits: dict[str, str] = {}  # by loop: the options that allow them, for messages

    def before_train(self, runner: Runner) -> None:
        """Continue the list of the run that is resumed, or start a new one."""
        if runner.iter == 0 and is_main_process():
            (Path(runner.work_dir) / BAD_SAMPLES_FILE).unlink(missing_ok=True)
            self._found = {}
        self._begin(runner, "train", runner.train_dataloader.dataset)

    def before_val(self, runner: Runner) -> None:
        """Find out whether samples of the validation set may be skipped."""
        self._begin(runner, "val", runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        """Find out whether samples of the test set may be skipped."""
        self._begin(runner, "test", runner.test_dataloader.dataset)
        self._found = {key: bad for key, bad in self._found.items() if key[0] != "test"}

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Collect the bad samples of the batch."""
        self._collect("train", data_batch)
        if self.every_n_train_iters(runner, self.interval):
            self._merge(runner, "train")

    def after_train_epoch(self, runner: Runner) -> None:
        """Exchange, log and write."""
        self._merge(runner, "train")

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Write what this process has found, so that a run resumed from the checkpoint continues the list."""
        if self._allowed.get("train") is not None and is_main_process():
            self._write(runner, "train")

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Collect the bad samples of the batch."""
        self._collect("val", data_batch)

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Collect the bad samples of the batch."""
        self._collect("test", data_batch)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Exchange, log and write."""
        self._merge(runner, "val")

    def after_test_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Exchange, log and write."""
        self._merge(runner, "test")

    def _begin(self, runner: Runner, loop: str, dataset: Any) -> None:
        skipping = [part for part in innermost_datasets(dataset) if getattr(part, "on_bad_sample", "raise") == "skip"]
        self._allowed[loop] = sum(part.allowed_bad_samples for part in skipping) if skipping else None
        given = " and ".join(dict.fromkeys(f"max_bad_samples={part.max_bad_samples!r}" for part in skipping))
        self._limits[loop] = f"{given} of {sum(map(len, skipping))} samples"
        file = Path(runner.work_dir) / BAD_SAMPLES_FILE
        if skipping and not self._found and is_main_process() and file.is_file():
            self._found = dict(_read(file))

    def _collect(self, loop: str, data_batch: Any) -> None:
        if self._allowed.get(loop) is None:
            return
        for sample in data_batch.get("data_samples") or () if isinstance(data_batch, dict) else ():
            for bad in sample.get(BAD_SAMPLES, ()):
                self._found.setdefault((loop, bad["img_path"]), BadSample(**bad))

    def _merge(self, runner: Runner, loop: str) -> None:
        allowed = self._allowed.get(loop)
        if allowed is None:
            return
        for found in all_gather_object(self._found):
            self._found = found | self._found
        bad = self._write(runner, loop)
        if len(bad) > allowed:
            raise DataError(
                f"{len(bad)} samples of the {loop} set could not be read, but {self._limits[loop]} allows {allowed}. "
                f"The first one: {bad[0].reason} Fix the data, or set a larger max_bad_samples in the dataset's config."
            )

    def _write(self, runner: Runner, loop: str) -> list[BadSample]:
        """Log and write the list if it has grown; returns the bad samples of the loop."""
        bad = [each for (where, _), each in sorted(self._found.items()) if where == loop]
        if len(bad) > self._reported.get(loop, 0):
            file = Path(runner.work_dir) / BAD_SAMPLES_FILE
            if is_main_process():
                write_text(file, _HEADER + "".join(_lines(self._found)))
            what = "others replace them" if loop == "train" else "no metric counts them"
            runner.logger.warning(
                f"{len(bad)} samples of the {loop} set could not be read so far; {what}. They are listed in {file}. "
                f"The first one: {bad[0].reason}"
            )
        self._reported[loop] = len(bad)
        return bad


def _lines(found: dict[tuple[str, str], BadSample]) -> Iterable[str]:
    for (loop, _), bad in sorted(found.items()):
        cells = (loop, *(" ".join(str(cell).split()) for cell in bad))
        yield "\t".join(cells) + "\n"


def _read(file: Path) -> Iterator[tuple[tuple[str, str], BadSample]]:
    for line in read_lines(file):
        cells = line.text.split("\t")
        if len(cells) == 5 and cells[2].isdecimal():
            loop, image, index, dataset, reason = cells
            yield (loop, image), BadSample(image, int(index), dataset, reason)
