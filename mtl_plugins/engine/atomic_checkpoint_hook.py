"""The checkpoint hook: a whole last checkpoint at any moment, and an exact resume from it."""

import os
from collections.abc import Sequence

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, find_latest_checkpoint

from mtl_plugins.files import remove_temporaries
from mtl_plugins.kinds.metric_direction import higher_is_better
from mtl_plugins.registry import HOOKS

from .atomic_backend import ATOMIC_BACKEND
from .checkpoint import require_same_model

_CLOCK = ("time", "data_time", "eta", "memory", "experiment_name")  # the name holds the hour of the start


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook`` that survives ``kill -9`` at any moment and resumes exactly.

    mmengine removes the old checkpoint before it writes the new one, in place. Here the new one is written
    whole, then the pointer ``last_checkpoint``, and only then the old ones go; what a killed run did not get
    to remove is listed in its last checkpoint and removed by the resumed run. A resumed run first makes up
    for the validation that its checkpoint did not live to see, so the best score and plateau schedulers go on
    as if never interrupted. The file depends on nothing but the training: no hour, no duration.

    Args:
        by_epoch: None (default) follows the train loop, whose checkpoints alone can be resumed exactly.
        strict: refuse (ValueError with the keys) to resume, test or start from a checkpoint of another model.
            False takes what fits, as for fine-tuning with other classes.
        **kwargs: as mmengine's hook. Metrics of this project need no ``rule`` for ``save_best``.
    """

    def __init__(self, *args, by_epoch=None, strict=True, **kwargs):
        self._by_epoch_wanted, self._tmpl_given = by_epoch, kwargs.get("filename_tmpl") is not None
        self.strict = strict
        super().__init__(*args, by_epoch=by_epoch is not False, **kwargs)

    def _init_rule(self, rules: Sequence[str | None], key_indicators: Sequence[str]) -> None:
        """Determine for each key of `save_best` whether higher or lower is better, unless `rule` is given."""
        self._rules_given = rules = list(rules) * (len(key_indicators) if len(rules) == 1 else 1)
        directions = [higher_is_better(key) for key in key_indicators]
        found = [{True: "greater", False: "less", None: None}[direction] for direction in directions]
        super()._init_rule([rule or guess for rule, guess in zip(rules, found, strict=True)], key_indicators)

    def after_load_checkpoint(self, runner, checkpoint):
        """Compare before mmengine loads what fits and only prints the rest."""
        if self.strict:
            origin = runner._load_from or find_latest_checkpoint(runner.work_dir) or "the checkpoint"
            mend = "To start from what fits, as for fine-tuning: default_hooks.checkpoint.strict=False."
            require_same_model(runner.model, checkpoint, str(origin), mend)

    def before_train(self, runner):
        self._follow_loop(runner.train_loop)
        if self.backend_args is None and "://" not in str(self.out_dir or runner.work_dir):
            self.backend_args = dict(backend=ATOMIC_BACKEND)
        if self.save_best is not None:
            self._init_rule(self._rules_given, self.key_indicators)  # the metrics have been built by now
        super().before_train(runner)
        self.file_backend = _DeferredRemoval(self.file_backend)
        self.file_backend.stale = list(runner.message_hub.runtime_info.get("stale_ckpts", ()))
        self.last_ckpt = runner.message_hub.runtime_info.get("last_ckpt")
        if is_main_process():
            for folder in {str(self.out_dir), str(runner.work_dir)}:
                for name in remove_temporaries(folder):
                    runner.logger.info(f"Removed {name} in {folder}, half-written by a killed run.")
        self._remove_stale(runner)
        self._make_up_validation(runner)

    def _follow_loop(self, loop):
        by_epoch = {EpochBasedTrainLoop: True, IterBasedTrainLoop: False}
        fitting = next((value for kind, value in by_epoch.items() if isinstance(loop, kind)), self.by_epoch)
        if self._by_epoch_wanted not in (None, fitting):
            raise ValueError(
                f"default_hooks.checkpoint.by_epoch={self._by_epoch_wanted} does not go with "
                f"{type(loop).__name__}: a run could not be resumed exactly from such checkpoints. "
                f"Leave by_epoch out: it follows train_cfg."
            )
        self.by_epoch = fitting
        if not self._tmpl_given:
            self.filename_tmpl = "epoch_{}.pth" if fitting else "iter_{}.pth"

    def _make_up_validation(self, runner):
        """Validate now if the run was killed between a save and the end of the validation that follows it."""
        loop, validated = runner.train_loop, runner.message_hub.runtime_info.get("validated_iter", 0)
        if runner.val_loop is None or runner.iter == validated:
            return
        loop._decide_current_val_interval()
        done, last = (loop.epoch, loop.max_epochs) if self.by_epoch else (loop.iter, loop.max_iters)
        if done >= loop.val_begin and (done % loop.val_interval == 0 or done == last):
            runner.logger.info("The validation that follows the resumed checkpoint is made up for.")
            runner.val_loop.run()

    def after_val_epoch(self, runner, metrics=None):
        if not hasattr(self, "file_backend"):  # runner.val() alone: there is nothing to save
            return
        runner.message_hub.update_info("validated_iter", runner.iter)
        wanted = [key for key in self.save_best or () if key != "auto"]
        if metrics and not set(wanted) <= set(metrics):
            raise ValueError(
                f"save_best={wanted} is not among the metrics of this validation: "
                f"{', '.join(sorted(metrics))}. Choose one of these in default_hooks.checkpoint.save_best."
            )
        super().after_val_epoch(runner, metrics or {})
        self._remove_stale(runner)

    def before_save_checkpoint(self, runner, checkpoint):
        hub = checkpoint["message_hub"]
        for holder, key in ((checkpoint, "meta"), (hub, "runtime_info"), (hub, "log_scalars")):
            # scalars are named 'train/time'
            holder[key] = {k: v for k, v in holder[key].items() if k.split("/")[-1] not in _CLOCK}

    def _save_checkpoint_with_step(self, runner, step, meta):
        hub, backend = runner.message_hub, self.file_backend
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                oldest = self.filename_tmpl.format(self.keep_ckpt_ids.popleft())
                backend.remove(backend.join_path(self.out_dir, oldest))
            self.keep_ckpt_ids.append(step)
            hub.update_info("keep_ckpt_ids", list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        self.last_ckpt = backend.join_path(self.out_dir, name)
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
            backend.put_text(self.last_ckpt, os.path.join(runner.work_dir, "last_checkpoint"))
        self._remove_stale(runner)

    def _remove_stale(self, runner):
        """Remove what the checkpoint just written has replaced."""
        bests = getattr(self, "best_ckpt_path_dict", {}).values()
        needed = {self.last_ckpt, getattr(self, "best_ckpt_path", None), *bests}
        backend = self.file_backend
        stale, backend.stale = backend.stale, []
        for path in (backend.join_path(self.out_dir, name) for name in stale):
            if is_main_process() and path not in needed and backend.exists(path):
                (backend.backend.rmtree if backend.isdir(path) else backend.backend.remove)(path)
        runner.message_hub.update_info("stale_ckpts", [])


class _DeferredRemoval:
    """A file backend that only notes the names of what is to be removed."""

    def __init__(self, backend):
        self.backend, self.stale = backend, []

    def __getattr__(self, name):
        return getattr(self.backend, name)

    def remove(self, path):
        self.stale.append(os.path.basename(path))

    rmtree = remove
