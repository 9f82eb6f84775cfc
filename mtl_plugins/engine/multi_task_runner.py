"""mmengine's Runner with safe checkpoint loading, a short console log and compilation of the network only."""

from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch import nn

from mtl_plugins.kernels import warm_up
from mtl_plugins.registry import RUNNERS
from mtl_plugins.unwrap_model import unwrap_model

from .checkpoint import safe_loaders
from .console import quiet_console
from .explain_options import explain_options
from .normalisation import META_KEY, normalisation_of


@RUNNERS.register_module()
class MultiTaskRunner(Runner):
    """mmengine's `Runner` with these differences.

    - Checkpoints (`load_from`, `resume` and `init_cfg`) are read with `weights_only=True`: code in them is refused.
    - The config, the environment, the order of the hooks and the options of single parameters are written to the log
      file, not to the console.
    - `compile=True` (or a dict of options of `torch.compile`) compiles the network without the losses: the set of
      labels changes from batch to batch, and every combination would be compiled separately.
    - The error for an unknown option names the component of the config and lists its options.
    """

    @classmethod
    def from_cfg(cls, cfg: Config | ConfigDict | dict) -> "MultiTaskRunner":
        """Build a Runner from a config; see `explain_options`."""
        with explain_options(cfg):
            return super().from_cfg(cfg)

    def train(self) -> nn.Module:
        """Train; see `explain_options`."""
        with explain_options(self.cfg):
            return super().train()

    def val(self) -> dict:
        """Evaluate on the validation set; see `explain_options`."""
        with explain_options(self.cfg):
            return super().val()

    def test(self) -> dict:
        """Evaluate on the test set; see `explain_options`."""
        with explain_options(self.cfg):
            return super().test()

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """Load a checkpoint as mmengine's Runner does, but refuse code in it; see `read_checkpoint`."""
        with safe_loaders():
            return super().load_checkpoint(filename, *args, **kwargs)

    def _init_model_weights(self) -> None:
        with safe_loaders():  # init_cfg=dict(type="Pretrained") reads a checkpoint
            super()._init_model_weights()

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

    def save_checkpoint(self, *args: Any, meta: dict | None = None, **kwargs: Any) -> None:
        """Save a checkpoint as mmengine's Runner does, with the normalisation of images in its `meta`."""
        normalisation = normalisation_of(self.model)
        own = {} if normalisation is None else {META_KEY: normalisation}
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
