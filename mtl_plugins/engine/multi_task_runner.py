"""The Runner of this project."""

import inspect
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.dist import is_main_process, master_only
from mmengine.logging import MMLogger
from mmengine.registry import OPTIMIZERS
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mtl_plugins.datasets.reading_notes import watch_workers
from mtl_plugins.files import FolderLock, write_text
from mtl_plugins.kernels import warm_up
from mtl_plugins.registry import RUNNERS, UnknownOptionError, parse_unknown_option
from mtl_plugins.unwrap_model import unwrap_model

from .balance_hook import BalanceHook
from .check_config import check_config
from .console import explain_log_errors, quiet_console
from .explain_errors import explain_errors
from .explain_options import explain_options
from .explain_worker_death import explain_worker_death
from .heartbeat_hook import HeartbeatHook
from .normalisation import normalisation_of
from .preemption_hook import PreemptionHook
from .resumable_runner import ResumableRunner
from .worker_signals import shield_workers

#: Default hooks of every run, also of configs that do not name them; None in a config removes one.
OWN_HOOKS: dict[str, dict] = dict(
    preemption=dict(type=PreemptionHook), heartbeat=dict(type=HeartbeatHook), balance=dict(type=BalanceHook)
)


def _without_decay(part: str, optim_wrapper: dict) -> dict:
    """The config of an optimizer wrapper without weight decay for one part of the model."""
    optimizer = dict(optim_wrapper.get("optimizer") or {})
    if optimizer.get("weight_decay") is None:  # mmengine needs it to be written down
        cls = OPTIMIZERS.get(str(optimizer.get("type")))
        option = inspect.signature(cls).parameters.get("weight_decay") if cls else None
        if option is None or not option.default or option.default is option.empty:
            return optim_wrapper
        optimizer["weight_decay"] = option.default
    options = optim_wrapper.get("paramwise_cfg") or {}
    keys = dict(options.get("custom_keys") or {})
    keys[part] = dict(decay_mult=0.0) | dict(keys.get(part, {}))
    return {**optim_wrapper, "optimizer": optimizer, "paramwise_cfg": {**options, "custom_keys": keys}}


@RUNNERS.register_module()
class MultiTaskRunner(ResumableRunner):
    """mmengine's `Runner` with these differences.

    - Saving, loading and resuming are safe and exact; see `ResumableRunner`.
    - The config, the environment, the order of the hooks and the options of single parameters are written to the log
      file, not to the console.
    - `compile=True` (or a dict of options of `torch.compile`) compiles the network without the losses: the set of
      labels changes from batch to batch, and every combination would be compiled separately.
    - A signal, such as SIGTERM, saves a checkpoint and ends the training; see `PreemptionHook`.
    - A training in which a process is stuck ends; see `HeartbeatHook`.
    - The error for an unknown option names the component of the config and lists its options.
    """

    @classmethod
    def from_cfg(cls, cfg: Config | ConfigDict | dict) -> "MultiTaskRunner":
        """Build a Runner from a config; see `check_config` and `explain_options`."""
        check_config(cfg)
        with explain_options(cfg):
            return super().from_cfg(cfg)

    def train(self) -> nn.Module:
        """Train; see `explain_options`, `PreemptionHook` and `HeartbeatHook`."""
        guards = [hook for hook in self.hooks if isinstance(hook, PreemptionHook | HeartbeatHook)]
        try:
            with explain_options(self.cfg), explain_errors(), explain_worker_death(self), self._lock():
                return super().train()
        except Exception as error:
            for hook in guards:
                if isinstance(hook, PreemptionHook):
                    hook.explain(error)
            raise
        finally:
            for hook in guards:
                hook.close()

    def val(self) -> dict:
        """Evaluate on the validation set; see `explain_options`."""
        with explain_options(self.cfg), explain_worker_death(self):
            return super().val()

    def test(self) -> dict:
        """Evaluate on the test set; see `explain_options`."""
        with explain_options(self.cfg), explain_worker_death(self):
            return super().test()

    def _lock(self) -> AbstractContextManager:
        """The lock on the work directory, which the main process holds during training."""
        return FolderLock(self.work_dir, "a training", self.logger.warning) if is_main_process() else nullcontext()

    def register_hooks(self, default_hooks: dict | None = None, custom_hooks: list | None = None) -> None:
        """Register the hooks, to which `OWN_HOOKS` belong unless the config has its own of the same type."""
        given = dict(default_hooks or {})
        kinds = {_name_of(hook.get("type") if isinstance(hook, dict) else type(hook)) for hook in custom_hooks or ()}
        for name, hook in OWN_HOOKS.items():
            options = given.pop(name, None if hook["type"].__name__ in kinds else {})
            if options is not None:
                given[name] = hook | options if isinstance(options, dict) else options
        super().register_hooks(given, custom_hooks)

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build a data loader as mmengine's Runner does; see `watch_workers` and `shield_workers`."""
        loader = Runner.build_dataloader(*args, **kwargs)
        watch_workers(loader)
        shield_workers(loader)
        return loader

    @master_only
    def dump_config(self) -> None:
        """Write the config to the work_dir atomically."""
        name = f"{self.timestamp}.py" if self.cfg.filename is None else Path(self.cfg.filename).name
        write_text(Path(self.work_dir) / name, self.cfg.dump() or "", durable=False)

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger; see `quiet_console` and `explain_log_errors`."""
        logger = super().build_logger(*args, **kwargs)
        quiet_console(logger)
        explain_log_errors(logger)
        return logger

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """Build the optimizer and its wrapper; an invalid value is reported with its place in the config.

        The learned weights of a balancer have no weight decay, which would move them without a reason.
        """
        balancer: Any = getattr(unwrap_model(self.model), "balancer", None)
        if balancer is not None and any(True for _ in balancer.parameters()) and isinstance(optim_wrapper, dict):
            optim_wrapper = _without_decay("balancer", optim_wrapper)
        try:
            return super().build_optim_wrapper(optim_wrapper)
        except (TypeError, ValueError) as error:
            known = isinstance(error, UnknownOptionError) or "optim_wrapper" in str(error)
            if known or (isinstance(error, TypeError) and parse_unknown_option(error)):  # see `explain_options`
                raise
            kind = ValueError if isinstance(error, ValueError) else TypeError
            raise kind(f"optim_wrapper.optimizer: {error}") from error

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        """Build the model and log its normalisation; on a CPU, also compile and load the kernels that it uses."""
        built = super().build_model(model)
        if normalisation := normalisation_of(built):
            mean, std = ([round(value, 4) for value in normalisation[name]] for name in ("mean", "std"))
            self.logger.info(f"Images are normalised with mean {mean} and std {std} (RGB, 0 ... 1).")
        if self._load_from is None and not self._resume and (start := _start_of_backbone(built)):
            self.logger.info(f"The backbone starts from {start}.")
        if get_device() == "cpu":
            warm_up()
        return built

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


def _name_of(kind: Any) -> str:
    """The name of a class that a config gives as `Name`, `scope.Name` or the class itself."""
    return kind.__name__ if isinstance(kind, type) else str(kind).rpartition(".")[2]


def _start_of_backbone(model):
    """The weights from which a backbone starts; None if it has no option `pretrained`."""
    model = unwrap_model(model)
    source = getattr(model, "awaits_pretrained", False) or getattr(getattr(model, "backbone", None), "pretrained", None)
    if isinstance(source, str):
        return f"the weights in {source}"
    return {True: "weights of timm's hub", False: "random weights (model.backbone.pretrained=False)"}.get(source)
