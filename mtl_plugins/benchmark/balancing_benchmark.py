"""What balancers cost: time of a training step and memory, relative to the sum of the losses."""

from collections.abc import Sequence

from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from mtl_plugins.models.balancers import balancer_names
from mtl_plugins.registry import SCOPE

from .memory import peak_tensor_memory
from .section import Section, to_rows
from .synthetic_samples import synthetic_samples
from .timing import WARM_UP, alternate, contender, paired_ratio
from .training_setting import TrainingSetting, build_training, without_validation

SUM = "no balancer"


def compare_balancers(cfg: Config, setting: TrainingSetting, balancers: Sequence[dict] | None = None) -> Section:
    """Compare the training step of balancers with that of a model without one.

    All train the same network on one batch in which every image has all labels.

    Args:
        cfg: The config.
        setting: Image size, batch size, steps and rounds.
        balancers: Configs of balancers; all registered ones by default, at their default place, and the first gradient
            method also at the parameters.
    """
    cfg = without_validation(cfg)
    init_default_scope(cfg.get("default_scope", SCOPE))
    if balancers is None:
        balancers = [dict(type=name) for name in balancer_names()] + [dict(type="UPGrad", at="parameters")]
    labels = {SUM: None} | {_label(balancer): balancer for balancer in balancers}
    cfg.model.balancer = None
    model, _ = build_training(cfg)
    samples = synthetic_samples(model, setting)
    contenders, figures = {}, {}
    for label, balancer in labels.items():
        cfg.model.balancer = balancer
        model, optim_wrapper = build_training(cfg)
        batch = pseudo_collate(samples)

        def step(model=model, optim_wrapper=optim_wrapper, batch=batch):
            return model.train_step(batch, optim_wrapper)

        device = next(model.parameters()).device
        for _ in range(WARM_UP):
            step()
        peak = peak_tensor_memory(device, step)
        if peak is not None:
            figures[f"MiB {label}"] = peak
        contenders[label] = contender(step, model, keep_memory=True)
    times = alternate(contenders, setting.rounds, setting.steps)
    rows = to_rows(times, len(samples))
    costs = {label: paired_ratio(turns, times[SUM]) for label, turns in times.items()}
    figures |= {f"time {label}": cost for label, cost in costs.items()}
    memory = {label: figures.get(f"MiB {label}") for label in labels}
    notes = [
        f"{label}: {cost:.2f} times the time" + _memory_note(memory[label], memory[SUM])
        for label, cost in costs.items()
        if label != SUM
    ]
    height, width = setting.size
    title = f"Balancers, {len(model.tasks)} tasks, {height}x{width}, batch {len(samples)}"
    return Section(title, rows, figures, tuple(notes))


def _label(balancer):
    options = ",".join(f"{key}={value}" for key, value in balancer.items() if key != "type")
    return f"{balancer['type']}({options})" if options else balancer["type"]


def _memory_note(needed, base):
    return "" if not needed or not base else f", {needed / base:.2f} times the memory of a step"
