"""Turning a trained network into a release: small, plain data that others can load without trusting its author."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from mtl_plugins import __version__
from mtl_plugins.backends import difference
from mtl_plugins.engine import extract_state_dict, normalisation_of
from mtl_plugins.engine.checkpoint.checks import WrongValueError, boolean, integer, mapping, plain, text
from mtl_plugins.files import read_json
from mtl_plugins.kinds import metric_unit
from mtl_plugins.kinds.metric_direction import split_metric
from mtl_plugins.models import MultiTaskModel
from mtl_plugins.registry import METRICS, SCOPE
from mtl_plugins.releases import (
    DESCRIPTION_FILE,
    WEIGHTS_FILE,
    build_network,
    list_releases,
    open_release,
    require_name,
    write_release,
)
from mtl_plugins.releases.check_network import check_network, check_pipeline
from mtl_plugins.releases.description import to_plain
from mtl_plugins.releases.release_index import source_releases
from mtl_plugins.releases.weights_file import to_half

from .config import load_config
from .evaluation_record import RECORD_KEY, TRAINING_ONLY, describe_data, weights_digest
from .init_model import init_model
from .predict_pipeline import PLAIN_PIPELINE, input_size
from .presets import list_presets

LARGEST_DIFFERENCE = 0.01
"""Largest share of an output's range by which float16 weights may change it."""

_META_KEYS = ("classes", "palette", "tasks", "task_classes", "task_palettes")
_NOT_OF_A_TASK = ("unread_images",)
_RECORD = mapping(
    dict(
        weights=text(64),
        data=text(1000),
        images=mapping(others=integer(1)),
        backend=text(1000),
        tta=boolean,
    ),
    others=plain,
)


class _Measured(NamedTuple):
    """The content of a file of `mtl test --out`."""

    origin: str = ""
    """The path of the file."""
    scores: Mapping[str, float | None] = {}
    protocols: Mapping[str, str] = {}
    """By the prefix of the metrics, as `images`."""
    record: Mapping[str, Any] = {}
    """See `evaluation_record`; empty in files of older versions."""

    @property
    def images(self) -> dict[str, int]:
        """The number of evaluated images."""
        return dict(self.record.get("images", {}))


class Published(NamedTuple):
    """A release that was written."""

    folder: Path
    size: int
    """Bytes of the weights and the description."""
    differences: dict[str, float]
    """Largest difference from the weights of the training by task, as a share of the output's range."""
    indexed: bool
    """Whether the release was added to the index of the source tree."""


def publish(
    config: str | Path | Config,
    checkpoint: str | Path,
    out: str | Path,
    name: str | None = None,
    metrics: str | Path | None = None,
    licence: str = "",
    attribution: str = "",
    about: str = "",
    half: bool = True,
    overwrite: bool = False,
    cfg_options: dict | None = None,
    note: str = "",
) -> Published:
    """Write a release of a trained network: the folder `out/name` with weights, description and model card.

    The weights are those that predictions use, so with an `EMAHook` the averaged ones. The description has the network
    and the preparation of images, the classes and colours, and the metrics; it has no paths and no training settings.

    Args:
        config: Config file, preset name or `Config`.
        checkpoint: The trained weights.
        out: Folder of the releases. In `releases` of the source tree, the index is updated as well.
        name: Name of the release. Default: that of the config without `hydranet_`.
        metrics: The file that `mtl test --out` wrote for this checkpoint.
        licence: Licence of the weights.
        attribution: The data that the network was trained on, and their licences.
        about: One sentence about the network.
        half: Whether to store kernels in float16; see `to_half`.
        overwrite: Whether to replace a release of the same name.
        cfg_options: Options to merge into the config.
        note: Limits of the network that its users must know.

    Raises:
        FileExistsError: There is a release of this name.
        ValueError: The network has parts that are not in this package, a preset has the name, the metrics are not those
            of `mtl test` for this network, its weights and its data, or float16 changes the outputs too much.
    """
    cfg = load_config(config, cfg_options)
    name = name or _default_name(cfg)
    _check_name(name, Path(out), overwrite)
    measured = _read_metrics(metrics)
    model = init_model(cfg, checkpoint)
    network, pipeline = _describe_network(model, cfg)
    weights = extract_state_dict(model.state_dict())
    state = {key: value for key, value in weights.items() if key.partition(".")[0] not in TRAINING_ONLY}
    stored = to_half(state, keep=dict(model.named_buffers())) if half else state
    if metrics is not None:
        _check_metrics(measured, cfg, model.tasks)
        _check_record(measured, cfg, [weights_digest(state), weights_digest(stored)], checkpoint)
    differences = _compare(model, network, state, stored, input_size(cfg))
    description = dict(
        name=name,
        about=about,
        model=network,
        predict_pipeline=pipeline,
        dataset_meta=_describe_meta(model.dataset_meta),
        tasks={task: _describe_task(task, model) for task in model.tasks},
        trained_with=_config_name(cfg),
        note=note,
        evaluated_on=_describe_evaluation(measured, cfg),
        images=measured.images,
        metrics=measured.scores,
        units={key: unit for key in measured.scores if (unit := metric_unit(key))},
        protocols=measured.protocols,
        licence=licence,
        attribution=attribution,
        versions={"mtl-plugins": __version__, "torch": torch.__version__, "timm": timm.__version__},
        weights=dict(
            parameters=sum(value.numel() for key, value in model.named_parameters() if key in stored),
            precision=_precision_of(stored),
            differences=differences,
        ),
    )
    folder = write_release(out, description, stored)
    open_release(folder)  # raises an error if the disk did not keep what was written
    source = source_releases()
    return Published(
        folder,
        sum((folder / file).stat().st_size for file in (WEIGHTS_FILE, DESCRIPTION_FILE)),
        differences,
        source is not None and folder.resolve().parent == source.resolve(),
    )


def _config_name(cfg: Config) -> str:
    return Path(cfg.filename).stem if cfg.filename else ""


def _default_name(cfg: Config) -> str:
    name = re.sub(r"[^a-z0-9_.-]", "-", _config_name(cfg).lower().removeprefix("hydranet_"))
    if not name:
        raise ValueError("the config has no file name: give the release a name (--name NAME).")
    return name


def _check_name(name: str, out: Path, overwrite: bool) -> None:
    require_name(name)
    if name in {Path(preset).name for preset in list_presets()}:
        raise ValueError(f"{name!r} is the name of a preset: give the release another one (--name NAME).")
    if (out / name / DESCRIPTION_FILE).exists() and not overwrite:
        raise FileExistsError(f"{out / name} already contains a release: choose another name, or --overwrite.")
    source = source_releases()
    here = source is not None and out.resolve() == source.resolve()
    if name in list_releases() and not here:
        raise ValueError(f"{name!r} is the name of a release of this package: give yours another one (--name NAME).")


def _read_metrics(path: str | Path | None) -> _Measured:
    """Read a file of `mtl test --out`."""
    if path is None:
        return _Measured()
    content = read_json(path)
    protocols, record = content.pop("protocols", {}), content.pop(RECORD_KEY, {})
    wrong = [key for key, value in content.items() if not (value is None or type(value) in (int, float))]
    advice = "Use the file that `mtl test CONFIG CHECKPOINT --out metrics.json` writes."
    if wrong or not content or not isinstance(protocols, dict):
        raise ValueError(
            f"{path} does not contain metrics{f': {wrong[0]!r} is not a number' if wrong else ''}. {advice}"
        )
    try:
        record = _RECORD(record, RECORD_KEY)
    except WrongValueError as error:
        raise ValueError(f"{path} does not contain metrics of `mtl test`: {error}. {advice}") from None
    tasks = {split_metric(key)[0] for key in content}
    stated = {str(task): str(protocol) for task, protocol in protocols.items() if task in tasks}
    return _Measured(str(path), content, stated, record)


def _check_metrics(measured: _Measured, cfg: Config, tasks: Collection[str]) -> None:
    """Check that the config's evaluation of these tasks produces the metrics.

    Raises:
        ValueError: There are metrics of another task or dataset.
    """
    init_default_scope(cfg.get("default_scope", SCOPE))
    configs = cfg.get("test_evaluator") or []
    metrics = [METRICS.build(config) for config in (configs if isinstance(configs, list | tuple) else [configs])]
    if not all(hasattr(metric, "task") for metric in metrics):
        return  # the keys of other metrics are not known
    known = [metric.prefix for metric in metrics if metric.task in tasks]
    given = dict.fromkeys(split_metric(key)[0] for key in measured.scores if key not in _NOT_OF_A_TASK)
    if wrong := [prefix for prefix in given if prefix not in known]:
        raise ValueError(
            f"{measured.origin} has metrics of {', '.join(map(repr, wrong))}, but `mtl test` measures "
            f"{', '.join(map(repr, known)) or 'nothing'} for this network and config: the file belongs to another "
            "network. Use the file that `mtl test CONFIG CHECKPOINT --out metrics.json` writes for this one."
        )


def _check_record(measured: _Measured, cfg: Config, digests: Collection[str], checkpoint: str | Path) -> None:
    """Compare the record of the evaluation with the weights and the data of the config.

    Args:
        measured: The metrics; those of older versions have no record and are accepted.
        cfg: The config.
        digests: Digests of the checkpoint's weights and of those that the release stores.
        checkpoint: For messages.

    Raises:
        ValueError: The metrics were measured with other weights or on other data.
    """
    record, again = measured.record, f"Run `mtl test CONFIG {checkpoint} --out {measured.origin}` again"
    if backend := record.get("backend"):
        raise ValueError(
            f"the metrics in {measured.origin} were measured with the exported file {backend}, not with {checkpoint}. "
            f"{again}, without --backend."
        )
    if record.get("weights", next(iter(digests))) not in digests:
        raise ValueError(
            f"the metrics in {measured.origin} were measured with other weights than those of {checkpoint}. {again}."
        )
    if (data := record.get("data", describe_data(cfg))) != describe_data(cfg):
        raise ValueError(
            f"the metrics in {measured.origin} were measured on {data}, but the config evaluates on "
            f"{describe_data(cfg)}. {again}, with the same config and --cfg-options."
        )


def _describe_evaluation(measured: _Measured, cfg: Config) -> str:
    """The data of the metrics, such as `SynthRooms (val)`."""
    if not measured.scores:
        return ""
    return describe_data(cfg) + (", with test-time augmentation" if measured.record.get("tta") else "")


def _describe_network(model: MultiTaskModel, cfg: Config) -> tuple[dict[str, Any], list]:
    """The configs of the model and of `predict_pipeline` as plain data; both are checked as loading checks them."""
    config = {key: value for key, value in cfg.model.to_dict().items() if key not in TRAINING_ONLY}
    config["heads"] = {task: head for task, head in config["heads"].items() if head is not None}
    if isinstance(config["backbone"], dict):
        config["backbone"] = {key: value for key, value in config["backbone"].items() if key != "pretrained"}
    preprocessor = config.get("data_preprocessor") or dict(type="MultiTaskDataPreprocessor")
    network = to_plain(config | dict(data_preprocessor=preprocessor | (normalisation_of(model) or {})), "model")
    network = _without_init(network)
    pipeline = to_plain(list(cfg.get("predict_pipeline") or PLAIN_PIPELINE), "predict_pipeline")
    try:
        return check_network(network), check_pipeline(pipeline)
    except WrongValueError as error:
        raise ValueError(
            f"this network cannot be published: {error}. Loading a release executes no code, so it can contain only "
            "parts of this package; share the config, its modules and the checkpoint instead."
        ) from None


def _without_init(value: Any) -> Any:
    """A config without `init_cfg`: the weights of the release replace the initial ones."""
    if isinstance(value, dict):
        return {key: _without_init(item) for key, item in value.items() if key != "init_cfg"}
    return [_without_init(item) for item in value] if isinstance(value, list) else value


def _describe_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    """What predictions need of a dataset's metainfo."""
    chosen = {key: meta[key] for key in _META_KEYS if meta.get(key) is not None}
    if meta.get("datasets"):
        chosen["datasets"] = {name: _describe_meta(part) for name, part in meta["datasets"].items()}
    return to_plain(chosen, "dataset_meta")


def _describe_task(task: str, model: MultiTaskModel) -> str:
    head = model.heads[task]
    name = getattr(head, "kind", "numbers").replace("_", " ")
    number = getattr(head, "num_classes", None)
    return name if number is None else f"{name} ({number})"


def _precision_of(state: Mapping[str, Tensor]) -> str:
    halves = sum(value.numel() for value in state.values() if value.dtype == torch.float16)
    total = sum(value.numel() for value in state.values() if value.is_floating_point())
    return "float32" if not halves else "float16" if halves == total else f"float16, {1 - halves / total:.1%} float32"


@torch.inference_mode()
def _compare(
    model: MultiTaskModel,
    network: dict[str, Any],
    state: Mapping[str, Tensor],
    stored: Mapping[str, Tensor],
    size: tuple[int, int],
) -> dict[str, float]:
    """The largest difference of each output between the network of the training and that of the release."""
    released = build_network(network, stored, "the release").eval()
    released.load_state_dict(dict(stored))
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (1, 3, *size), dtype=torch.uint8, generator=generator)
    before, after = (net.outputs(net.data_preprocessor.normalise(images)) for net in (model, released))
    differences = {task: difference(after[task], before[task]) for task in before}
    if worst := {task: value for task, value in differences.items() if not value <= LARGEST_DIFFERENCE}:
        task, value = next(iter(worst.items()))
        raise ValueError(
            f"in float16, {task} differs by {value:.1%} of its range from the weights of the training; at most "
            f"{LARGEST_DIFFERENCE:.0%} is allowed. Store float32 (--no-half)."
        )
    return differences
