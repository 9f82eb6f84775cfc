"""A checkpoint hook that survives being killed at any moment and resumes exactly."""

import hashlib
import inspect
import math
import os
import pickle
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import BaseStorageBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop, Runner

from mtl_plugins.files import remove_temporaries
from mtl_plugins.kinds.metric_direction import higher_is_better
from mtl_plugins.registry import HOOKS

from .atomic_backend import ATOMIC_BACKEND
from .checkpoint import POINTER, is_run_file, read_checkpoint, require_same_model, run_files, write_checkpoint
from .on_main_process import on_main_process
from .rank_states import average_buffers

_CLOCK = ("time", "data_time", "eta", "memory", "experiment_name")  # the name contains the time of the start
_WHY_UNDEFINED = "The log states the reason in a warning: labels without a valid pixel, or predictions that diverged."
_INTERIM = "interim_ckpt"  # key of runtime_info: name of the checkpoint of `save_now`


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's `CheckpointHook`, which survives `kill -9` at any moment and resumes exactly.

    mmengine removes the old checkpoint and then overwrites the new one in place. This hook writes the new checkpoint
    atomically, then the pointer `last_checkpoint`, and removes old checkpoints only after that. Checkpoints that a
    killed run could not remove are listed in its last checkpoint, and the resumed run removes them. A resumed run first
    runs the validation that was pending when the process was killed, so that the best score and plateau schedulers
    continue as if the run had never been interrupted. The file contains no times, so equal runs write equal files.

    Args:
        *args: As for mmengine's hook.
        by_epoch: Whether `interval` counts epochs. By default this follows the train loop, because only such
            checkpoints can be resumed exactly.
        overwrite: Whether to delete the checkpoints of an earlier run in the folder. Otherwise a run that does not
            resume refuses to start there.
        strict: Whether to refuse to resume, test or start from a checkpoint of another model. With `False`, the weights
            that match are loaded, for example to fine-tune with other classes.
        **kwargs: As for mmengine's hook. `save_best` does not need `rule` for metrics of this project.

    Raises:
        ValueError: `by_epoch` contradicts the train loop; with `strict`, the checkpoint belongs to another model; or
            without `overwrite`, the folder contains checkpoints of a run that is not resumed.
    """

    backend_args: dict | None
    by_epoch: bool
    file_backend: Any
    last_ckpt: Any
    """Path of the last checkpoint of this run or of the run that it continues."""
    saved_iter: int
    """Number of steps in that checkpoint."""

    def __init__(
        self, *args: Any, by_epoch: bool | None = None, strict: bool = True, overwrite: bool = False, **kwargs: Any
    ) -> None:
        self._by_epoch_wanted, self._tmpl_given = by_epoch, kwargs.get("filename_tmpl") is not None
        self.strict, self.overwrite, self._claimed = strict, overwrite, False
        super().__init__(*args, by_epoch=by_epoch is not False, **kwargs)
        # mmengine passes what it does not know to `save_checkpoint`, which fails only at the end of the first epoch
        for name in set(self.args) - set(inspect.signature(Runner.save_checkpoint).parameters):
            raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument {name!r}")

    def _init_rule(self, rules: Sequence[str | None], key_indicators: Sequence[str]) -> None:
        """Determine for each key of `save_best` whether higher or lower is better, unless `rule` is given."""
        self._rules_given = rules = list(rules) * (len(key_indicators) if len(rules) == 1 else 1)
        directions = [higher_is_better(key) for key in key_indicators]
        found = [{True: "greater", False: "less", None: None}[direction] for direction in directions]
        super()._init_rule([rule or guess for rule, guess in zip(rules, found, strict=True)], key_indicators)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the keys before mmengine loads those that match and only prints the others."""
        if self.strict:
            origin = getattr(runner, "loaded_from", None) or runner._load_from or "the checkpoint"
            advice = "To load only what matches, as for fine-tuning: default_hooks.checkpoint.strict=False."
            require_same_model(runner.model, checkpoint, str(origin), advice)

    def before_train(self, runner: Runner) -> None:
        """Remove what a killed run left, and run its pending validation."""
        self._follow_loop(runner.train_loop)
        if self.backend_args is None and "://" not in str(self.out_dir or runner.work_dir):
            self.backend_args = dict(backend=ATOMIC_BACKEND)
        if self.save_best is not None:
            self._init_rule(self._rules_given, self.key_indicators)  # the metrics have been built by now
        info = runner.message_hub.runtime_info
        stale = self._own_files(info)
        super().before_train(runner)
        self._claim_folder(runner)
        self._place_in_folder(info)
        self.file_backend = _DeferredRemoval(self.file_backend)
        self.file_backend.stale = stale
        self.last_ckpt = info.get("last_ckpt")
        self.saved_iter = runner.iter  # 0, or that of the checkpoint from which the run continues
        if is_main_process():
            for folder in {str(self.out_dir), str(runner.work_dir)}:
                for name in remove_temporaries(folder):
                    runner.logger.info(f"Removed {name} in {folder}, a partial file of a killed run.")
        self._remove_stale(runner)
        self._run_pending_validation(runner)

    def _own_files(self, info: dict) -> list[str]:
        """Replace the paths in a checkpoint's `runtime_info` by names of this run's files; returns those to remove."""
        ids = list(dict.fromkeys(info.pop("keep_ckpt_ids", None) or ()))
        stale = list(info.get("stale_ckpts") or ())
        if self.max_keep_ckpts > 0:
            stale += [self.filename_tmpl.format(step) for step in ids[: -self.max_keep_ckpts]]
            info["keep_ckpt_ids"] = ids[-self.max_keep_ckpts :]
        for key in list(info):
            if key in ("last_ckpt", _INTERIM) or key.startswith("best_ckpt"):
                name = PureWindowsPath(str(info[key] or "")).name  # splits at both kinds of slashes
                info[key] = name if is_run_file(name, [self.filename_tmpl]) else None
        if info.get(_INTERIM, "") is None:
            del info[_INTERIM]
        return stale

    def _place_in_folder(self, info: dict) -> None:
        """The checkpoints of the run are in the present folder, wherever it was when they were saved."""
        for key in [key for key in info if key.startswith(("best_ckpt", "last_ckpt")) and info[key]]:
            info[key] = os.path.join(self.out_dir, info[key])
        if self.save_best is not None and len(self.key_indicators) == 1:
            self.best_ckpt_path = info.get("best_ckpt")
        elif self.save_best is not None:
            self.best_ckpt_path_dict = {key: info.get(f"best_ckpt_{key}") for key in self.key_indicators}

    def _claim_folder(self, runner: Runner) -> None:
        """Refuse to mix the checkpoints of two runs in a folder, or remove those of the earlier one."""
        if self._claimed or "://" in str(self.out_dir):
            return
        self._claimed = True
        on_main_process(lambda: self._clear_folder(runner))

    def _clear_folder(self, runner: Runner) -> None:
        folder = Path(self.out_dir)
        found = run_files(folder, [self.filename_tmpl])
        resumed = getattr(runner, "resumed_from", None) or (runner._resume is True and runner._load_from)
        if not found or (resumed and Path(resumed).expanduser().resolve().parent == folder.resolve()):
            return
        if not self.overwrite:
            resume = (
                "--resume found none that contains the state of a training. Give a file with --resume PATH"
                if runner._resume and not resumed
                else "Continue that run with --resume"
            )
            raise ValueError(
                f"{folder} contains checkpoints of another run, such as {found[-1].name}. {resume}, choose "
                "another folder with --work-dir, or delete its checkpoints with --overwrite "
                "(default_hooks.checkpoint.overwrite=True)."
            )
        source = resumed or runner._load_from
        if source and Path(source).expanduser().resolve().parent == folder.resolve():
            raise ValueError(
                f"--overwrite would delete {source}, from which this run starts. Choose another folder with --work-dir."
            )
        for path in (Path(runner.work_dir, POINTER), *found):
            path.unlink(missing_ok=True)
        runner.logger.info(f"Deleted {len(found)} checkpoints of an earlier run in {folder}.")

    def _follow_loop(self, loop: BaseLoop) -> None:
        by_epoch = {EpochBasedTrainLoop: True, IterBasedTrainLoop: False}
        matching = next((value for kind, value in by_epoch.items() if isinstance(loop, kind)), self.by_epoch)
        if self._by_epoch_wanted not in (None, matching):
            raise ValueError(
                f"default_hooks.checkpoint.by_epoch={self._by_epoch_wanted} does not match "
                f"{type(loop).__name__}: a run could not be resumed exactly from such checkpoints. "
                "Omit by_epoch: it follows train_cfg."
            )
        self.by_epoch = matching
        if not self._tmpl_given:
            self.filename_tmpl = "epoch_{}.pth" if matching else "iter_{}.pth"

    def _run_pending_validation(self, runner: Runner) -> None:
        """Validate now if the run was killed between a save and the end of the validation that follows it."""
        loop, validated = runner.train_loop, runner.message_hub.runtime_info.get("last_validated_iter", 0)
        if runner.val_loop is None or runner.iter == validated or getattr(loop, "within_epoch", False):
            return
        loop._decide_current_val_interval()
        done, last = (loop.epoch, loop.max_epochs) if self.by_epoch else (loop.iter, loop.max_iters)
        if done >= loop.val_begin and (done % loop.val_interval == 0 or done == last):
            runner.logger.info("Running the validation that was pending when the resumed run ended.")
            runner.val_loop.run()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Save the best checkpoint."""
        if not hasattr(self, "file_backend"):  # runner.val() without training: nothing to save
            return
        # "val..." would be printed in the log of the validation
        runner.message_hub.update_info("last_validated_iter", runner.iter)
        wanted = [key for key in self.save_best or () if key != "auto"]
        if metrics and not set(wanted) <= set(metrics):
            raise ValueError(
                f"default_hooks.checkpoint.save_best={wanted} names no metric of this validation. Choose from: "
                f"{', '.join(sorted(metrics))}."
            )
        keys = wanted or list(metrics or ())[: bool(self.save_best)]  # 'auto' is the first metric
        undefined = [key for key in keys if metrics and math.isnan(float(metrics[key]))]
        if undefined:
            raise ValueError(
                f"default_hooks.checkpoint.save_best={self.save_best}: {', '.join(undefined)} is not a number, so no "
                f"checkpoint can be the best. {_WHY_UNDEFINED} The last checkpoint: {self.last_ckpt or 'none'}."
            )
        super().after_val_epoch(runner, metrics or {})
        self._remove_stale(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Remove times from the checkpoint, and add what the processes do not have in common."""
        states = getattr(runner, "rank_states", ())
        if states:  # after EMAHook, which swaps the averaged weights in
            average_buffers(checkpoint, states)
            checkpoint["rank_states"] = list(states)
        hub = checkpoint["message_hub"]
        for holder, key in ((checkpoint, "meta"), (hub, "runtime_info"), (hub, "log_scalars")):
            # scalars have names such as 'train/time'
            holder[key] = {k: v for k, v in holder[key].items() if k.split("/")[-1] not in _CLOCK}

    def save_now(self, runner: Runner, *, within_step: bool = True) -> str:
        """Save `iter_<n>.pth` between two regular checkpoints; call it in all processes.

        The next regular checkpoint replaces the file. A run resumed from it ends like an uninterrupted run.

        Args:
            runner: The runner.
            within_step: Whether a hook calls it in `after_train_iter`, where the runner does not yet count the step.

        Returns:
            The path of the checkpoint.
        """
        steps = runner.iter + within_step
        if self.saved_iter != steps:  # the regular checkpoint of this step, if any, is as good
            self._replace_interim(runner)
            name = f"iter_{steps}.pth"
            runner.message_hub.update_info(_INTERIM, name)
            self._save(runner, name, dict(epoch=runner.epoch, iter=steps))
        return self.last_ckpt

    def _publish_model(self, runner: Runner, ckpt_path: str) -> None:
        """Save a copy of a checkpoint with the keys in `published_keys` only."""
        if not is_main_process():
            return
        content = read_checkpoint(ckpt_path)
        kept = {key: value for key, value in content.items() if key in (self.published_keys or ())}
        digest = hashlib.sha256(pickle.dumps(kept)).hexdigest()
        published = f"{os.path.splitext(ckpt_path)[0]}-{digest[:8]}.pth"
        write_checkpoint(published, kept)
        runner.logger.info(f"The checkpoint {ckpt_path} without {sorted(set(content) - set(kept))} is {published}.")

    def _replace_interim(self, runner: Runner) -> None:
        """Let the next checkpoint replace the one of `save_now`."""
        interim = runner.message_hub.runtime_info.pop(_INTERIM, None)
        if interim is not None:
            self.file_backend.remove(interim)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        hub, backend = runner.message_hub, self.file_backend
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                oldest = self.filename_tmpl.format(self.keep_ckpt_ids.popleft())
                backend.remove(backend.join_path(self.out_dir, oldest))
            self.keep_ckpt_ids.append(step)
            hub.update_info("keep_ckpt_ids", list(self.keep_ckpt_ids))
        self._replace_interim(runner)
        self._save(runner, self.filename_tmpl.format(step), meta)

    def _save(self, runner: Runner, name: str, meta: dict) -> None:
        hub, backend = runner.message_hub, self.file_backend
        self.last_ckpt, self.saved_iter = backend.join_path(self.out_dir, name), meta["iter"]
        hub.update_info("last_ckpt", self.last_ckpt)
        hub.update_info("stale_ckpts", list(backend.stale))
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            backend.put_text(self.last_ckpt, os.path.join(runner.work_dir, POINTER))
        self._remove_stale(runner)

    def _remove_stale(self, runner: Runner) -> None:
        """Remove the checkpoints that the last one has replaced."""
        bests = getattr(self, "best_ckpt_path_dict", {}).values()
        paths = (self.last_ckpt, getattr(self, "best_ckpt_path", None), *bests)
        needed = {os.path.basename(path) for path in paths if path}
        backend = self.file_backend
        stale, backend.stale = backend.stale, []
        if is_main_process():
            for name in stale:  # may come from a checkpoint, which must not remove other files
                path = backend.join_path(self.out_dir, name)
                own = name not in needed and is_run_file(name, [self.filename_tmpl])
                if own and backend.isfile(path) and not os.path.islink(path):
                    backend.backend.remove(path)
        runner.message_hub.update_info("stale_ckpts", [])


class _DeferredRemoval:
    """A file backend that records the names of files to remove instead of removing them."""

    def __init__(self, backend: BaseStorageBackend) -> None:
        self.backend = backend
        self.stale: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, path: str) -> None:
        self.stale.append(os.path.basename(path))

    rmtree = remove
