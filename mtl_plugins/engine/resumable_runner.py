"""mmengine's Runner with checkpoints that contain nothing but checked data, and exact resuming."""

import os
import pickle
import time
from collections.abc import Sequence
from typing import Any

import mmengine
import torch
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.fileio import get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import BaseLoop, CheckpointLoader, EpochBasedTrainLoop, Runner
from mmengine.runner.checkpoint import _load_checkpoint_to_model, weights_to_cpu
from mmengine.utils import apply_to, get_git_hash

from mtl_plugins.unwrap_model import unwrap_model

from .check_config import check_batches
from .checkpoint import (
    WrongValueError,
    check_averaged_weights,
    check_content,
    check_optimizer,
    check_rank_states,
    check_scheduler,
    checkpoint_bytes,
    explained,
    extract_state_dict,
    find_checkpoint,
    is_complete,
    newest_other,
    require_resumable,
    require_usable_weights,
    safe_loaders,
)
from .loops import ResumableEpochLoop, ResumableIterLoop
from .normalisation import META_KEY, normalisation_of
from .on_main_process import on_main_process
from .rank_states import RankState, gather_rank_states, restore_rank_state
from .refit_schedule import each_schedule, extend_schedule, refit_schedule

#: Value of `resume`: resume from the newest checkpoint in the work directory, if any.
RESUME_IF_ANY = "auto"

_LOOPS: dict[Any, type[BaseLoop]] = {
    **{"EpochBasedTrainLoop": ResumableEpochLoop, "IterBasedTrainLoop": ResumableIterLoop},
    **{True: ResumableEpochLoop, False: ResumableIterLoop},  # by_epoch
}


class ResumableRunner(Runner):
    """mmengine's `Runner`, which saves, loads and resumes in a safe and exact way.

    - Training can stop and continue after any step, with the same result; see `ResumableEpochLoop`.
    - Checkpoints (`load_from`, `resume` and `init_cfg`) are read with `weights_only=True`: code in them is refused.
    - Checkpoints contain a checksum. Resuming checks all their values and executes nothing in them.
    """

    optim_wrapper: Any
    param_schedulers: Any

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the training loop; those of mmengine are replaced by the resumable ones."""
        if isinstance(loop, dict):
            loop = dict(loop)
            kind = loop.pop("by_epoch") if "by_epoch" in loop else loop.get("type")
            loop["type"] = _LOOPS.get(kind, kind)
        built = super().build_train_loop(loop)
        check_batches(built.dataloader, "train_dataloader")
        return built

    resumed_from: str | None = None
    """The checkpoint from which this run continues."""

    def load_or_resume(self) -> None:
        """Resume from the newest complete checkpoint or from `load_from`, or load the weights of `load_from`.

        With `resume=RESUME_IF_ANY`, `load_from` only counts if there is no checkpoint to resume from, and only its
        weights are loaded.

        Raises:
            ValueError: There are checkpoints to resume from, but all are damaged; or `load_from` is damaged. The
                message names the newest complete checkpoint, if there is one.
        """
        if self._has_loaded:
            return
        if not self._resume:
            if self._load_from is not None:
                self.load_checkpoint(self._load_from)
            return
        if self._load_from is None or self._resume == RESUME_IF_ANY:
            found = on_main_process(self._newest_checkpoint)
            if found is None:
                self.logger.info(f"No checkpoint in {self.work_dir}: training starts from the beginning.")
                if self._load_from is not None:
                    self.load_checkpoint(self._load_from)
                return
            self.logger.info(f"Resuming from {found}.")
            self.resume(found)
        else:
            try:
                self.resume(self._load_from)
            except (ValueError, OSError) as error:
                other = None if is_complete(self._load_from) else newest_other(self._load_from)
                if other is None:
                    raise
                raise ValueError(f"{error} The newest complete checkpoint in its folder is {other}.") from error
        done, planned = ("epoch", "max_epochs") if self._by_epoch() else ("iter", "max_iters")
        if getattr(self, done) >= getattr(self, planned):
            unit = "epochs" if done == "epoch" else "iterations"
            self.logger.info(
                f"The training is already complete: {getattr(self, done)} of {getattr(self, planned)} {unit}. Raise "
                f"train_cfg.{planned} to train longer."
            )

    def _by_epoch(self) -> bool:
        return isinstance(self.train_loop, EpochBasedTrainLoop)

    def _newest_checkpoint(self) -> str | None:
        hook = next((hook for hook in self.hooks if isinstance(hook, CheckpointHook)), None)
        folder = str(self.work_dir)
        if hook is not None and hook.out_dir is not None and hook.out_dir != folder:
            folder = os.path.join(hook.out_dir, os.path.basename(folder.rstrip(os.sep)))
        return find_checkpoint(folder, [hook.filename_tmpl] if hook else [], self.work_dir, resumable=True)

    def load_checkpoint(self, filename: str, map_location: Any = "cpu", strict: bool = False, **kwargs: Any) -> dict:
        """Load the weights of a checkpoint; see `read_checkpoint` and `check_content` for what it may contain.

        Args:
            filename: A file, or an http(s) address.
            map_location: Where to put the tensors.
            strict: Whether all keys must match; `AtomicCheckpointHook` checks this too.
            **kwargs: As for mmengine's Runner: `revise_keys`.

        Returns:
            The checked content of the file.
        """
        with safe_loaders():
            content = CheckpointLoader.load_checkpoint(filename, map_location, logger=self.logger)
        checkpoint = check_content(content, filename)
        own = unwrap_model(self.model).state_dict()
        for part in ("state_dict", "ema_state_dict"):
            if checkpoint.get(part):
                require_usable_weights(own, extract_state_dict(checkpoint[part], filename), filename)
        check_averaged_weights(checkpoint.get("ema_state_dict"), checkpoint["state_dict"], filename)
        self.loaded_from = filename
        self.call_hook("after_load_checkpoint", checkpoint=checkpoint)
        kwargs.setdefault("revise_keys", [(r"^module\.", "")])
        _load_checkpoint_to_model(unwrap_model(self.model), checkpoint, strict, **kwargs)
        self._has_loaded = True
        self.logger.info(f"Load checkpoint from {filename}")
        return checkpoint

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: Any = "default",
    ) -> None:
        """Resume training from a checkpoint. Nothing in it is parsed or executed; all values are checked.

        Args:
            filename: A file, or an http(s) address.
            resume_optimizer: Whether to restore the state of the optimizer.
            resume_param_scheduler: Whether to restore the state of the parameter schedulers.
            map_location: Where to put the tensors; `"default"` is the device of the run.

        Raises:
            ValueError: The checkpoint contains no training state, belongs to another model, optimizer or schedule, or
                contains a value of another type or range than expected.
        """
        planned = [dict(scheduler.state_dict()) for scheduler in each_schedule(self.param_schedulers)]
        location = get_device() if map_location == "default" else map_location
        checkpoint = self.load_checkpoint(filename, map_location=location)
        require_resumable(checkpoint, filename)
        optimizer = schedulers = None
        if resume_optimizer:
            optimizer = explained(lambda: self._checked_optimizer(checkpoint), filename)
        if resume_param_scheduler:
            schedulers = explained(lambda: self._checked_schedulers(checkpoint), filename)
        states = checkpoint.get("rank_states") or ()
        explained(lambda: check_rank_states(states, unwrap_model(self.model)), filename)
        meta = checkpoint["meta"]
        self.train_loop._epoch, self.train_loop._iter = meta["epoch"], meta["iter"]
        self._restore_seed(meta.get("seed"))
        own = getattr(self.train_dataloader.dataset, "metainfo", None)
        if pickle.dumps(meta.get("dataset_meta")) != pickle.dumps(own):  # arrays cannot be compared with ==
            self.logger.warning(
                f"The metainfo of the training dataset (classes, palette) differs from that in {filename}. Check that "
                "the checkpoint and the dataset belong together."
            )
        self.message_hub.load_state_dict(checkpoint["message_hub"])
        try:
            if optimizer is not None:
                self.optim_wrapper.load_state_dict(optimizer)
            for scheduler, state in schedulers or ():
                scheduler.load_state_dict(state)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # of an optimizer whose own state this project does not know
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise ValueError(
                f"{filename}: the state of the optimizer or of a scheduler cannot be restored ({reason}). Resume with "
                "the config of the training, or load only the weights with load_from."
            ) from error
        self._restore_progress(checkpoint, planned)
        self.resumed_from = filename
        self.logger.info(f"resumed epoch: {self.epoch}, iter: {self.iter}")

    loaded_from = "the checkpoint"
    """Name of the checkpoint that is loaded, for messages."""

    def _checked_optimizer(self, checkpoint: dict) -> dict | None:
        if checkpoint.get("optimizer") is None:
            self.logger.warning("The checkpoint contains no state of the optimizer, which therefore starts anew.")
            return None
        wrapper = self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
        own = wrapper.state_dict()
        if "param_groups" not in own:
            states = check_optimizer(checkpoint["optimizer"], own, [])
            return {
                name: check_optimizer(states[name], own[name], _shapes_of(part), f"optimizer[{name!r}]")
                for name, part in wrapper.items()
            }
        return check_optimizer(checkpoint["optimizer"], own, _shapes_of(wrapper))

    def _checked_schedulers(self, checkpoint: dict) -> list[tuple[Any, dict]]:
        """Pairs of a scheduler and its checked state."""
        if self.param_schedulers is None or checkpoint.get("param_schedulers") is None:
            return []
        built = self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
        if not isinstance(built, dict):
            return _paired(built, checkpoint["param_schedulers"], "param_schedulers")
        states = checkpoint["param_schedulers"]
        if not isinstance(states, dict) or set(states) != set(built):
            raise WrongValueError("param_schedulers", states, f"the schedulers of {', '.join(built)}")
        return [pair for name in built for pair in _paired(built[name], states[name], f"param_schedulers[{name!r}]")]

    def _restore_seed(self, seed: int | None) -> None:
        current = self._randomness_cfg.get("seed")
        if seed is None or seed == current:
            return
        if current is not None:
            self.logger.warning(f"The run continues with the seed {seed} of the checkpoint; the config has {current}.")
        self._randomness_cfg.update(seed=seed)
        self.set_randomness(**self._randomness_cfg)

    def _restore_progress(self, checkpoint: dict, planned: Sequence[dict]) -> None:
        """Continue at the position of a checkpoint, with each process's own state.

        Args:
            checkpoint: The checkpoint.
            planned: The states of the schedulers as built for this run.
        """
        differences = []
        loop, meta = self.train_loop, checkpoint["meta"]
        position = meta.get("position")
        if hasattr(loop, "restore"):
            differences += loop.restore(meta["epoch"], meta["iter"], position, self.seed)
            same_step = position is None or loop.data.same_step(position)
            for scheduler, plan in zip(each_schedule(self.param_schedulers), planned, strict=True):
                if not same_step:
                    refit_schedule(scheduler, plan)
                elif sentence := extend_schedule(scheduler, plan):
                    differences.append(sentence)
        differences += restore_rank_state(self, checkpoint.get("rank_states") or ())
        for sentence in differences:
            self.logger.warning(sentence)

    def _init_model_weights(self) -> None:
        model: Any = unwrap_model(self.model)
        if self._resume and getattr(model, "awaits_pretrained", False):
            given = self._load_from is not None and self._resume != RESUME_IF_ANY
            if given or on_main_process(self._newest_checkpoint):
                model.awaits_pretrained = False  # the checkpoint has all weights
        with safe_loaders():  # init_cfg=dict(type="Pretrained") reads a checkpoint
            super()._init_model_weights()

    rank_states: Sequence[RankState] = ()
    """What the processes do not have in common, for the checkpoint that is being saved."""

    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args: dict | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: dict | None = None,
        by_epoch: bool = True,
        backend_args: dict | None = None,
    ) -> None:
        """Save a checkpoint with a checksum and the position in the data; call it in all processes.

        Args:
            out_dir: The folder.
            filename: Name of the file.
            file_client_args: mmengine's deprecated name of `backend_args`.
            save_optimizer: Whether to save the state of the optimizer.
            save_param_scheduler: Whether to save the state of the parameter schedulers.
            meta: Further values to save under `meta`. `epoch` and `iter` are the steps done.
            by_epoch: Whether an epoch has just ended, if `meta` does not contain the steps done.
            backend_args: Arguments of mmengine's file backend.
        """
        self.rank_states = gather_rank_states(self)
        if not is_main_process():
            return
        checkpoint = {
            "meta": self._meta_to_save(dict(meta or {}), by_epoch),
            "state_dict": weights_to_cpu(unwrap_model(self.model).state_dict()),
            "message_hub": _on_cpu(self.message_hub.state_dict()),
        }
        if save_optimizer:
            checkpoint["optimizer"] = _on_cpu(self.optim_wrapper.state_dict())
        if save_param_scheduler and self.param_schedulers is not None:
            schedulers = self.param_schedulers
            checkpoint["param_schedulers"] = (
                {name: [_values(scheduler) for scheduler in group] for name, group in schedulers.items()}
                if isinstance(schedulers, dict)
                else [_values(scheduler) for scheduler in schedulers]
            )
        self.call_hook("before_save_checkpoint", checkpoint=checkpoint)
        backend = get_file_backend(out_dir, backend_args=backend_args or file_client_args)
        backend.put(checkpoint_bytes(checkpoint), backend.join_path(out_dir, filename))

    def _meta_to_save(self, meta: dict, by_epoch: bool) -> dict:
        normalisation = normalisation_of(self.model)
        if normalisation is not None:
            meta[META_KEY] = normalisation
        if hasattr(self.train_loop, "position"):
            meta["position"] = self.train_loop.position()
        meta.setdefault("epoch", self.epoch + by_epoch)
        meta.setdefault("iter", self.iter + (not by_epoch))
        meta.update(
            cfg=self.cfg.pretty_text,
            seed=self.seed,
            experiment_name=self.experiment_name,
            time=time.strftime("%Y%m%d_%H%M%S", time.localtime()),
            mmengine_version=mmengine.__version__ + get_git_hash(),
        )
        dataset = self.train_dataloader.dataset
        return meta | ({"dataset_meta": dataset.metainfo} if hasattr(dataset, "metainfo") else {})


def _shapes_of(wrapper: Any) -> list[torch.Size]:
    """Shapes of the parameters of an optimizer wrapper, in the order of its groups."""
    return [parameter.shape for group in wrapper.optimizer.param_groups for parameter in group["params"]]


def _paired(schedulers: list, states: Any, where: str) -> list[tuple[Any, dict]]:
    if not isinstance(states, list | tuple) or len(states) != len(schedulers):
        raise WrongValueError(where, states, f"{len(schedulers)} schedulers, as in the config")
    return [
        (scheduler, check_scheduler(state, scheduler.state_dict(), f"{where}[{index}]"))
        for index, (scheduler, state) in enumerate(zip(schedulers, states, strict=True))
    ]


def _on_cpu(state: Any) -> Any:
    return apply_to(state, lambda value: hasattr(value, "cpu"), lambda value: value.cpu())


def _values(scheduler: Any) -> dict:
    """The state of a scheduler without its functions, which a checkpoint cannot contain."""
    return {key: value for key, value in scheduler.state_dict().items() if not callable(value)}
