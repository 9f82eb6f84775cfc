"""Every registered balancer in a training whose tasks come and go."""

import pytest
import torch
from torch import nn

from mtl_plugins.models.balancers import Balancer, GramianBalancer, LossBalancer
from mtl_plugins.registry import MODELS
from tests.models.balancers.linear_model import LABELS, TASKS, batch, build

STEPS, EPOCH = 200, 20
# Which tasks have labels, one set per ten steps.
PRESENT = (
    ("first", "second", "third"),
    ("first", "third"),
    ("second",),
    ("first", "second"),
    (),
    ("second", "third"),
    ("first", "second", "third"),
    ("third",),
)


def registered():
    MODELS.import_from_location()
    package = "mtl_plugins.models.balancers."
    return sorted(name for name, cls in MODELS.module_dict.items() if cls.__module__.startswith(package))


def present_in(step):
    """A few steps with all tasks, then another set of tasks in every step or for ten steps."""
    if step < 10:
        return TASKS
    return PRESENT[(step // 10 if step < 120 else step) % len(PRESENT)]


def state_of(model, task):
    """Everything that belongs to a task: its head, and the balancer's buffers and parameters with its name."""
    of_head = {name: value for name, value in model.heads[task].named_parameters()}
    of_task = {
        name: value
        for name, value in model.balancer.state_dict().items()
        if task in name.rpartition("of_")[2].split("/") and "of_" in name
    }
    return {name: value.detach().clone() for name, value in (of_head | of_task).items()}


def train_step(model, optimizer, tasks, chosen):
    images, samples, _ = batch(chosen, {task: LABELS[task] for task in tasks})
    total, _ = model.parse_losses(model.loss(images, samples))
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
    return total


def cases():
    """Every balancer, and the methods with options on fewer steps."""
    for name in registered():
        cls = MODELS.get(name)
        assert issubclass(cls, Balancer)
        yield name, {}, STEPS
        if issubclass(cls, GramianBalancer):
            yield name, dict(every=3, smoothing=0.5), STEPS // 4
        if "parameters" in getattr(cls, "places", ()) and len(cls.places) > 1:
            yield name, dict(at="parameters"), STEPS // 4
        if issubclass(cls, LossBalancer):
            yield name, dict(smoothing=0.5), STEPS // 4


@pytest.mark.parametrize("name, options, steps", cases())
def test_tasks_come_and_go(name, options, steps):
    model = build(dict(type=name, warmup=2, **options))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(0)
    trunk, moved, expected = model.backbone.layer.weight, 0, 0
    for step in range(steps):
        tasks = present_in(step)
        chosen = torch.randperm(6, generator=generator)[:4].sort().values.tolist()
        with_labels = [task for task in tasks if set(LABELS[task]) & set(chosen)]
        absent = [task for task in TASKS if task not in with_labels]
        before, old_trunk = {task: state_of(model, task) for task in absent}, trunk.detach().clone()
        total = train_step(model, optimizer, tasks, chosen)
        assert total.isfinite()
        assert all(parameter.isfinite().all() for parameter in model.parameters())
        for task, state in before.items():
            for key, value in state_of(model, task).items():
                assert torch.equal(value, state[key]) or (value.isnan() & state[key].isnan()).all(), f"{task}: {key}"
        moved += not torch.equal(trunk, old_trunk)
        expected += bool(with_labels)
        if (step + 1) % EPOCH == 0:
            model.balancer.end_epoch()
    assert moved > 0.6 * expected
    if model.balancer.every == 1:  # old weights, which may be 1 / |g|, can be much too large for other images
        assert max(parameter.abs().max() for parameter in model.parameters()) < 100


@pytest.mark.parametrize("name", registered())
def test_one_task_is_trained_as_without_a_balancer(name):
    model, plain = build(dict(type=name), TASKS[:1]), build(None, TASKS[:1])
    assert isinstance(model.balancer, nn.Module)
    for one in (model, plain):
        train_step(one, torch.optim.SGD(one.parameters(), lr=0.0), TASKS[:1], range(6))
    ours, theirs = (torch.cat([p.grad.flatten() for p in m.heads.parameters()]) for m in (model, plain))
    assert ours.isfinite().all()
    assert torch.cosine_similarity(ours, theirs, dim=0) > 1 - 1e-9
