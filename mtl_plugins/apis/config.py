import copy
import inspect
import sys
from importlib.util import find_spec
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from mtl_plugins.did_you_mean import did_you_mean

# What the Runner reads from the config beside its own arguments.
_RUNNER_OPTIONS = (
    *("compile", "sync_bn", "find_unused_parameters", "activation_checkpointing", "efficient_conv_bn_eval"),
    *("model_wrapper_cfg", "runner_type", "strategy", "custom_imports", "predict_pipeline", "data_root", "tta_model"),
    "label_space",
)
_ITSELF = "{data_root}"  # where several datasets lie in one folder: data_root="{data_root}/kitti6"
_DATALOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def load_config(config: str | Path | Config, cfg_options: dict | None = None) -> Config:
    """Read a config file or a preset by name, and merge options into it.

    A dataset that names no ``data_root`` gets the config's own, and ``{data_root}`` in a dataset's means it, so
    ``--cfg-options data_root=DIR`` moves all of them.
    The config's folder and the working directory can be imported from (``custom_imports``).

    Raises:
        FileNotFoundError: neither a file nor a preset's name; the nearest names are told.
    """
    if isinstance(config, Config):
        cfg = copy.deepcopy(config)  # Config.copy() shares what lies deeper
    else:
        path = find_config(config)
        for folder in (str(Path.cwd()), str(path.parent.resolve())):
            if folder not in sys.path:
                sys.path.insert(0, folder)
        try:
            cfg = Config.fromfile(path)
        except (SyntaxError, NameError, AttributeError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            raise ValueError(f"the config {path}{line} can't be read: {type(error).__name__}: {error}") from error
        except ImportError as error:
            raise ImportError(
                f"{path}: an import of custom_imports failed: {error}. Modules are looked for in the working "
                f"directory, in the config's folder and among the installed packages."
            ) from error
    if cfg_options:
        _check_options(cfg, cfg_options)
        cfg.merge_from_dict(cfg_options)
    _hand_down_data_root(cfg)
    return cfg


def find_config(config: str | Path) -> Path:
    """The path of a config: a file, or a preset's name with or without ``.py``."""
    path = Path(config)
    if path.is_file():
        return path
    presets = {preset.stem: preset for folder in _preset_folders() for preset in list_presets(folder)}
    if path.stem in presets and path.suffix in ("", ".py") and len(path.parts) <= 2:
        return presets[path.stem]
    hint = did_you_mean(path.stem, presets, n=3, cutoff=0.4)
    hint = f": {hint}" if hint else ". "
    raise FileNotFoundError(f"there is no config {config}{hint}Presets: {', '.join(presets)}.")


def list_presets(folder: Path) -> list[Path]:
    """The presets in a folder and the folders in it, without the parts that they are made of (``_base_``)."""
    return [path for path in sorted(folder.rglob("*.py")) if not path.relative_to(folder).parts[0].startswith("_")]


def _preset_folders():
    """The source tree's ``configs/`` and, where the project is installed, the packaged copy."""
    tree = Path(__file__).resolve().parents[2] / "configs"
    spec = find_spec("mtl_plugins.configs")
    packaged = [Path(place) for place in spec.submodule_search_locations] if spec else []
    return [folder for folder in (*packaged, tree) if folder.is_dir()]


def _check_options(cfg, cfg_options):
    """Refuse an option whose first name neither the config nor mmengine's Runner knows: it would do nothing."""
    known = {*cfg, *inspect.signature(Runner.__init__).parameters, *_RUNNER_OPTIONS} - {"self"}
    for option in cfg_options:
        name = option.split(".")[0]
        if name not in known:
            hint = did_you_mean(name, known) or f"known: {', '.join(sorted(known))}."
            raise ValueError(f"--cfg-options {option}: the config has no {name!r}; {hint.strip()}")


def _hand_down_data_root(cfg):
    if cfg.get("data_root") is None:
        return
    for name in _DATALOADERS:
        if cfg.get(name):
            for dataset in innermost_datasets(cfg[name].dataset):
                dataset.data_root = dataset.get("data_root", _ITSELF).replace(_ITSELF, cfg.data_root)


def drop_pretrained(cfg: Config) -> None:
    """Have the backbone load nothing: a checkpoint brings its weights, or they do not matter."""
    if cfg.model.get("backbone", {}).get("pretrained"):
        cfg.model.backbone.pretrained = False


def innermost_datasets(dataset: dict) -> list[dict]:
    """The dataset configs inside wrappers such as ``MultiDataset``, ``ConcatDataset`` and ``RepeatDataset``."""
    inner = dataset.get("datasets") or ([dataset["dataset"]] if "dataset" in dataset else None)
    if inner is None:
        return [dataset]
    inner = list(inner.values()) if isinstance(inner, dict) else inner  # MultiDataset has them by name
    return [leaf for child in inner for leaf in innermost_datasets(child)]
