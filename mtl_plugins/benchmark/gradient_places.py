"""How the place where a balancer compares gradients changes the step: features against parameters."""

from collections.abc import Mapping, Sequence
from itertools import islice
from statistics import mean
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from mtl_plugins.engine.balance_hook import report_values
from mtl_plugins.models import MultiTaskModel
from mtl_plugins.models.balancers import BalanceReport, GramianBalancer, build_balancer
from mtl_plugins.models.balancers.gradient_balancer import PLACES, shared_parameters
from mtl_plugins.registry import DATASETS, SCOPE

from .section import Section
from .training_setting import TrainingSetting, build_loader

#: Gradient methods without a state, which therefore need no history of steps
METHODS = ("MGDA", "PCGrad", "CAGrad", "IMTLG", "ConFIG", "NashMTL", "AlignedMTL", "UPGrad", "DualProj")
_COSINE = "cosine/"  # of the values that `report_values` returns


def compare_gradient_places(
    cfg: Config, model: MultiTaskModel, setting: TrainingSetting, balancers: Sequence[dict] | None = None
) -> Section:
    """Compare the gradients of the trunk that balancers make at the features and at the parameters.

    Each batch of the config's training data passes the network once per balancer and place, in float32 and training
    mode, with the same weights. The gradient of the trunk (backbone and neck) is compared by its cosine.

    Args:
        cfg: The config, for its training data.
        model: The network with the weights to measure.
        setting: Batch size; the number of batches is steps x rounds.
        balancers: Configs of gradient methods; those without a state by default.

    Raises:
        ValueError: Fewer than two tasks, or a balancer does not compare gradients in both places.
    """
    if len(model.tasks) < 2:
        raise ValueError(f"one task ({model.tasks[0]}) has no gradients to compare: choose a config with several.")
    init_default_scope(cfg.get("default_scope", SCOPE))
    configs = [dict(type=name) for name in METHODS] if balancers is None else balancers
    built = {config["type"]: {at: _build(config, at, model) for at in PLACES} for config in configs}
    loader = build_loader(cfg, DATASETS.build(cfg.train_dataloader.dataset), setting.batch_size)
    agreement: dict[str, list[float]] = {name: [] for name in built}
    to_sum: dict[str, list[float]] = {name: [] for name in built}
    pairs: dict[str, dict[str, list[float]]] = {}
    device = next(model.parameters()).device
    model.train().requires_grad_()
    count = setting.steps * setting.rounds
    torch.manual_seed(0)
    for batch in islice(loader, count):
        data: Any = model.data_preprocessor(batch, training=True)
        total = _trunk_gradient(model, data, None)
        for name, places in built.items():
            found = {at: _trunk_gradient(model, data, balancer.to(device)) for at, balancer in places.items()}
            agreement[name].append(_cosine(*found.values()))
            to_sum[name].append(_cosine(found["parameters"], total))
        for at, balancer in next(iter(built.values())).items():
            for pair, value in _task_cosines(balancer.report).items():
                pairs.setdefault(pair, {place: [] for place in PLACES})[at].append(value)
    figures: dict[str, float | bool] = {f"cosine {name}": mean(values) for name, values in agreement.items()}
    figures |= {f"cosine to the sum {name}": mean(values) for name, values in to_sum.items()}
    notes = [
        f"{name}: cosine {mean(values):.3f} on average, {min(values):.3f} at least; {mean(to_sum[name]):.3f} between "
        "its gradient at the parameters and that of the sum of the losses"
        for name, values in agreement.items()
    ]
    for pair, values in pairs.items():
        if all(values.values()):
            at_features, at_parameters = (mean(values[place]) for place in PLACES)
            figures |= {f"features {pair}": at_features, f"parameters {pair}": at_parameters}
            notes.append(f"{pair}: cosine {at_features:.3f} at the features, {at_parameters:.3f} at the parameters")
    title = f"Gradient of the trunk, balanced at the features and at the parameters, {len(to_sum[configs[0]['type']])} "
    return Section(f"{title}batches of {setting.batch_size}", (), figures, tuple(notes))


def _build(config: Mapping[str, Any], at: str, model: MultiTaskModel) -> GramianBalancer:
    if not isinstance(build_balancer(config, model.tasks), GramianBalancer):
        raise ValueError(
            f"{config['type']} does not compare gradients in both places. Choose from {', '.join(METHODS)}."
        )
    balancer = build_balancer({**config, "at": at}, model.tasks)
    assert isinstance(balancer, GramianBalancer)
    balancer.attach(model)
    return balancer


def _trunk_gradient(model: MultiTaskModel, data: Mapping[str, Any], balancer: GramianBalancer | None) -> Tensor:
    """The gradient of the backbone's and the neck's parameters as one vector, float64."""
    model.balancer = balancer
    model.zero_grad()
    total, _ = model.parse_losses(model.loss(**data))
    total.backward()
    return torch.cat(
        [(torch.zeros_like(p) if p.grad is None else p.grad).flatten().double() for p in shared_parameters(model)]
    )


def _task_cosines(report: BalanceReport | None) -> dict[str, float]:
    """The cosine of each pair of tasks."""
    values = {} if report is None else report_values(*report)
    return {name.removeprefix(_COSINE): value for name, value in values.items() if name.startswith(_COSINE)}


def _cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()).clamp(min=1e-300))
