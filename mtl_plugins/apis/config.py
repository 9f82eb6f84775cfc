"""Reading configs."""

import copy
import inspect
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from mtl_plugins.did_you_mean import did_you_mean
from mtl_plugins.engine import import_custom_modules, read_config
from mtl_plugins.registry import SCOPE
from mtl_plugins.releases import find_release, is_release, read_description

from .presets import find_config

# Keys that the Runner reads from the config in addition to its own arguments.
_RUNNER_OPTIONS = (
    *("compile", "sync_bn", "find_unused_parameters", "activation_checkpointing", "efficient_conv_bn_eval"),
    *("model_wrapper_cfg", "runner_type", "strategy", "custom_imports", "predict_pipeline", "data_root", "tta_model"),
    "label_space",
)
_PLACEHOLDER = "{data_root}"  # for several datasets in one folder: data_root="{data_root}/kitti6"
_DATALOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def load_config(config: str | Path | Config, cfg_options: dict | None = None) -> Config:
    """Read a config and merge options into it.

    The config of a release has the network, its `predict_pipeline`, and the folder of the release as `release`.

    A dataset without `data_root` gets that of the config, and `{data_root}` in the `data_root` of a dataset stands for
    it, so that `--cfg-options data_root=DIR` applies to all datasets. `custom_imports` can import modules from the
    working directory and from the config's folder (see `read_config`).

    Args:
        config: Path of a config file, name of a preset (see `find_config`), name or folder of a release (see
            `releases.find_release`), or a config, which is copied.
        cfg_options: Settings to override, by dotted key.

    Raises:
        FileNotFoundError: Neither a file, a preset nor a release; the message has the nearest names.
        ImportError: A module of `custom_imports` cannot be imported.
        ValueError: The file is not a valid config, an option is not used, or a module of `custom_imports` has the
            name of another one.
    """
    cfg = copy.deepcopy(config) if isinstance(config, Config) else _read(config)  # copy() is shallow
    if cfg_options:
        _check_options(cfg, cfg_options)
        cfg.merge_from_dict(cfg_options)
        if any(option.split(".")[0] == "custom_imports" for option in cfg_options):
            import_custom_modules(cfg, Path(cfg.filename or "config.py"))
    _hand_down_data_root(cfg)
    return cfg


def _read(config: str | Path) -> Config:
    if not is_release(config):
        return read_config(find_config(config))
    folder = find_release(config)
    description = read_description(folder)
    network = {key: description[key] for key in ("model", "predict_pipeline")}
    return Config(dict(**network, default_scope=SCOPE, release=str(folder)))


def _check_options(cfg: Config, cfg_options: dict) -> None:
    """Raise ValueError for an option that neither the config nor mmengine's Runner has: it would have no effect."""
    known = {*cfg, *inspect.signature(Runner.__init__).parameters, *_RUNNER_OPTIONS} - {"self"}
    for option in cfg_options:
        name = option.split(".")[0]
        if name not in known:
            hint = did_you_mean(name, known) or f"known: {', '.join(sorted(known))}."
            raise ValueError(f"--cfg-options {option}: the config has no setting {name!r}; {hint.strip()}")


def _hand_down_data_root(cfg: Config) -> None:
    if cfg.get("data_root") is None:
        return
    for name in _DATALOADERS:
        if cfg.get(name):
            for dataset in innermost_datasets(cfg[name].dataset):
                dataset["data_root"] = dataset.get("data_root", _PLACEHOLDER).replace(_PLACEHOLDER, cfg.data_root)


def drop_pretrained(cfg: Config) -> None:
    """Turn off pretrained weights of the backbone: a checkpoint replaces them, or they do not matter."""
    if cfg.model.get("backbone", {}).get("pretrained"):
        cfg.model.backbone.pretrained = False


def innermost_datasets(dataset: dict) -> list[dict]:
    """The dataset configs inside wrappers such as `MultiDataset`, `ConcatDataset` and `RepeatDataset`."""
    inner = dataset.get("datasets") or ([dataset["dataset"]] if "dataset" in dataset else None)
    if inner is None:
        return [dataset]
    inner = list(inner.values()) if isinstance(inner, dict) else inner  # MultiDataset has a dict of datasets
    return [leaf for child in inner for leaf in innermost_datasets(child)]


def require_dataloader(cfg: Config, name: str) -> Config:
    """The config of a data loader, such as `"train_dataloader"`.

    Raises:
        ValueError: The config has none: it only describes a model, as that of a teacher.
    """
    if cfg.get(name) is None:
        raise ValueError(
            f"the config {cfg.filename or ''} has no {name}: it describes a model, but no data. Use a config with a "
            "dataset, or add one as a _base_, such as mtl_plugins::_base_/datasets/nyud.py."
        )
    return cfg[name]
