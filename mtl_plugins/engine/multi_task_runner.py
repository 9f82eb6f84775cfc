"""mmengine's Runner with safe checkpoint loading, a short console log and compilation of the network only."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from mtl_plugins.files import write_text
from mtl_plugins.kernels import warm_up
from mtl_plugins.registry import RUNNERS
from mtl_plugins.unwrap_model import unwrap_model

from .checkpoint import safe_loaders
from .console import quiet_console
from .explain_options import explain_options
from .loops import ResumableEpochLoop, ResumableIterLoop
from .normalisation import META_KEY, normalisation_of
from .preemption_hook import PreemptionHook
from .rank_states import RankState, gather_rank_states, restore_rank_state
from .refit_schedule import each_schedule, refit_schedule
from .worker_signals import shield_workers

_LOOPS: dict[Any, type[BaseLoop]] = {
    **{"EpochBasedTrainLoop": ResumableEpochLoop, "IterBasedTrainLoop": ResumableIterLoop},
    **{True: ResumableEpochLoop, False: ResumableIterLoop},  # by_epoch
}

#: Default hooks of every run, also of configs that do not name them; None in a config removes one.
OWN_HOOKS = dict(preemption=dict(type="PreemptionHook"))


@RUNNERS.register_module()
class MultiTaskRunner(Runner):
    """mmengine's `Runner` with these differences.

    - Training can stop and continue after any step, with the same result; see `ResumableEpochLoop`.
    - Checkpoints (`load_from`, `resume` and `init_cfg`) are read with `weights_only=True`: code in them is refused.
    - The config, the environment, the order of the hooks and the options of single parameters are written to the log
      file, not to the console.
    - `compile=True` (or a dict of options of `torch.compile`) compiles the network without the losses: the set of
      labels changes from batch to batch, and every combination would be compiled separately.
    - A signal, such as SIGTERM, saves a checkpoint and ends the training; see `PreemptionHook`.
    - The error for an unknown option names the component of the config and lists its options.
    """

    @classmethod
    def from_cfg(cls, cfg: Config | ConfigDict | dict) -> "MultiTaskRunner":
        """Build a Runner from a config; see `explain_options`."""
        with explain_options(cfg):
            return super().from_cfg(cfg)

    def train(self) -> nn.Module:
        """Train; see `explain_options` and `PreemptionHook`."""
        guards = [hook for hook in self.hooks if isinstance(hook, PreemptionHook)]
        try:
            with explain_options(self.cfg):
                return super().train()
        except Exception as error:
            for hook in guards:
                hook.explain(error)
            raise
        finally:
            for hook in guards:
                hook.close()

    def val(self) -> dict:
        """Evaluate on the validation set; see `explain_options`."""
        with explain_options(self.cfg):
            return super().val()

    def test(self) -> dict:
        """Evaluate on the test set; see `explain_options`."""
        with explain_options(self.cfg):
            return super().test()

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Resume a run as mmengine's Runner does, at its exact position in the data."""
        planned = [dict(scheduler.state_dict()) for scheduler in each_schedule(self.param_schedulers)]
        super().resume(filename, *args, **kwargs)
        self._restore_progress(self._loaded, planned)

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
            if position is not None and not loop.data.same_step(position):
                for scheduler, plan in zip(each_schedule(self.param_schedulers), planned, strict=True):
                    refit_schedule(scheduler, plan)
        differences += restore_rank_state(self, checkpoint.get("rank_states", ()))
        for sentence in differences:
            self.logger.warning(sentence)

    def register_default_hooks(self, hooks: dict | None = None) -> None:
        """Register the default hooks, to which `OWN_HOOKS` belong."""
        given = dict(hooks or {})
        for name, hook in OWN_HOOKS.items():
            if given.get(name, hook) is not None and not isinstance(given.get(name), Hook):
                given[name] = hook | given.get(name, {})
        super().register_default_hooks(given)

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build a data loader as mmengine's Runner does; see `shield_workers`."""
        loader = Runner.build_dataloader(*args, **kwargs)
        shield_workers(loader)
        return loader

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """Load a checkpoint as mmengine's Runner does, but refuse code in it; see `read_checkpoint`."""
        with safe_loaders():
            self._loaded = super().load_checkpoint(filename, *args, **kwargs)
            return self._loaded

    def _init_model_weights(self) -> None:
        with safe_loaders():  # init_cfg=dict(type="Pretrained") reads a checkpoint
            super()._init_model_weights()

    @master_only
    def dump_config(self) -> None:
        """Write the config to the work_dir atomically."""
        name = f"{self.timestamp}.py" if self.cfg.filename is None else Path(self.cfg.filename).name
        write_text(Path(self.work_dir) / name, self.cfg.dump() or "")

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger; see `quiet_console`."""
        logger = super().build_logger(*args, **kwargs)
        quiet_console(logger)
        return logger

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        """Build the model and log its normalisation; on a CPU, also compile and load the kernels that it uses."""
        built = super().build_model(model)
        if normalisation := normalisation_of(built):
            mean, std = ([round(value, 4) for value in normalisation[name]] for name in ("mean", "std"))
            self.logger.info(f"Images are normalised with mean {mean} and std {std} (RGB, 0 ... 1).")
        if get_device() == "cpu":
            warm_up()
        return built

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the training loop; those of mmengine are replaced by the resumable ones."""
        if isinstance(loop, dict):
            loop = dict(loop)
            kind = loop.pop("by_epoch") if "by_epoch" in loop else loop.get("type")
            loop["type"] = _LOOPS.get(kind, kind)
        return super().build_train_loop(loop)

    rank_states: Sequence[RankState] = ()
    """What the processes do not have in common, for the checkpoint that is being saved."""

    def save_checkpoint(self, *args: Any, meta: dict | None = None, **kwargs: Any) -> None:
        """Save a checkpoint as mmengine's Runner does, with the position in the data; call it in all processes."""
        normalisation = normalisation_of(self.model)
        own = {} if normalisation is None else {META_KEY: normalisation}
        if hasattr(self.train_loop, "position"):
            own["position"] = self.train_loop.position()
        self.rank_states = gather_rank_states(self)
        super().save_checkpoint(*args, meta={**(meta or {}), **own}, **kwargs)

    def _log_env(self, env_cfg: dict) -> None:
        super()._log_env(env_cfg)
        files = [handler.baseFilename for handler in self.logger.handlers if hasattr(handler, "baseFilename")]
        if files:
            self.logger.info(f"The config, the environment and the hooks are in {files[0]}")

    def _maybe_compile(self, target: str) -> None:
        options = self.cfg.get("compile")
        if options:
            compile_network: Any = unwrap_model(self.model).compile_network
            compile_network(**(options if isinstance(options, dict) else {}))
            self.logger.info("The network is compiled during the first iterations, which therefore take longer.")
