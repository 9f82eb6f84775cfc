"""mmengine's Runner, with a console for people and a compiled network that copes with missing labels."""

import logging

from mmengine.device import get_device
from mmengine.runner import Runner
from torch import nn

from mtl_plugins.kernels import warm_up
from mtl_plugins.registry import RUNNERS

from .unwrap_model import unwrap_model

# How the messages begin that fill hundreds of lines before the first step, or tell nothing that a user could act on.
_FOR_THE_FILE = (
    "\n---",  # the environment
    "Config:\n",
    "Hooks will be executed",
    "paramwise_options",
    "Distributed training is not used",
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
)


def is_for_people(record: logging.LogRecord) -> bool:
    """Whether a record belongs on the console too, not in the log file alone."""
    return record.levelno > logging.WARNING or not record.getMessage().startswith(_FOR_THE_FILE)


@RUNNERS.register_module()
class MultiTaskRunner(Runner):
    """mmengine's ``Runner``, where

    - config, environment, order of hooks and options of single parameters go to the log file, not to the console;
    - ``compile=True`` (or a dict of ``torch.compile``'s options) compiles the network alone: which labels a batch has
      changes from step to step, and each choice would be compiled anew with the losses.
    """

    def build_logger(self, *args, **kwargs):
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler) and is_for_people not in handler.filters:
                handler.addFilter(is_for_people)
        return logger

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        built = super().build_model(model)
        if get_device() == "cpu":
            warm_up()
        return built

    def _log_env(self, env_cfg):
        super()._log_env(env_cfg)
        files = [handler.baseFilename for handler in self.logger.handlers if hasattr(handler, "baseFilename")]
        if files:
            self.logger.info(f"Config, environment and hooks are in {files[0]}")

    def _maybe_compile(self, target):
        options = self.cfg.get("compile")
        if options:
            model = unwrap_model(self.model)
            model.compile_network(**(options if isinstance(options, dict) else {}))
            self.logger.info("The network is compiled in the first iterations, which take long.")
