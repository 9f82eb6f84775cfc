"""State and options of the balancers from losses and from gradient memories, also against published numbers."""

import pytest
import torch
from torch import nn

from mtl_plugins.models.balancers import PerTask
from mtl_plugins.registry import MODELS
from tests.functional.balancing.scalar_fixtures import FOLDER, STEPS_PER_EPOCH, assert_equal, load

TASKS = ("first", "second", "third")


def build(name, tasks=TASKS, **options):
    return MODELS.build(dict(type=name, tasks=tasks, **options))


def weights_of(balancer, values, tasks=TASKS):
    """The weights of a step, and the objective."""
    balancer.start_step()
    leaves = values.detach().clone().requires_grad_()
    objective = balancer.objective(dict(zip(tasks, leaves.unbind(), strict=True)))
    (weights,) = torch.autograd.grad(objective, leaves, retain_graph=True)
    return weights, objective


@pytest.fixture(scope="module")
def published(shared):
    return load(shared(FOLDER), "losses")


@pytest.mark.parametrize(
    "tag, name, options",
    [
        ("UW", "UW", dict(start=-0.5)),
        ("tjd_UW", "UW", {}),
        ("tjd_IMTLL", "IMTLL", {}),
        ("DWA", "DWA", {}),
        ("GLS", "GLS", {}),
        ("STCH", "STCH", dict(nadir_epoch=1)),
        ("STCH_mu0.2", "STCH", dict(nadir_epoch=1, mu=0.2)),
        ("tjd_STCH_mu0.1", "Tchebycheff", dict(mu=0.1, preference=[0.5, 0.2, 0.3], reference=0.01)),
        ("tjd_STCH_mu1_uniform", "Tchebycheff", {}),
        ("tjd_COSMOS", "COSMOS", dict(preference=dict(first=0.5, third=0.3, second=0.2), penalty=0.5)),
        ("tjd_PBI", "PBI", dict(preference=[0.5, 0.2, 0.3], reference=0.01)),
    ],
)
def test_weights_of_a_training(published, tag, name, options):
    balancer = build(name, **options).double()
    parameters = list(balancer.parameters())
    optimizer = torch.optim.SGD(parameters, lr=0.1) if parameters else None
    applied = published[f"{tag}|w"] if tag.startswith("tjd") else published[f"{tag}|hg"] / published["H"]
    for step, losses in enumerate(published["L"]):
        weights, objective = weights_of(balancer, losses)
        assert_equal(weights, applied[step])
        if optimizer:
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
        if (step + 1) % STEPS_PER_EPOCH == 0:
            balancer.end_epoch()


def test_grad_norm_of_a_training(published):
    balancer = build("GradNorm")
    for step, (losses, grads) in enumerate(zip(published["L"], published["G"], strict=True)):
        norms = grads.norm(dim=1)
        stored = balancer.factors.get(TASKS)
        balancer.lr = 0.025 * float((stored * norms).mean())  # LibMTL's step depends on the unit of the losses
        weights = balancer.weights(grads @ grads.mT, TASKS, losses)
        assert_equal(weights, published["GradNorm|w"][step], rtol=1e-10)
        if (step + 1) % STEPS_PER_EPOCH == 0:
            balancer.end_epoch()


@pytest.mark.parametrize("name, tag", [("MoCo", "MoCo"), ("DBMTL", "DB_MTL"), ("ExcessMTL", "ExcessMTL")])
def test_memories_of_a_training(published, name, tag):
    balancer = build(name)
    balancer.memory = PerTask(TASKS, shape=(20,))
    for step, (losses, grads) in enumerate(zip(published["L"], published["G"], strict=True)):
        direction, weights = balancer.combined(grads, TASKS, losses)
        assert_equal(direction, published[f"{tag}|g"][step], rtol=1e-6, atol=1e-6)  # without the libraries' 1e-8
        if balancer.scale_heads:
            assert_equal(weights, published[f"{tag}|hg"][step] / published["H"])
        else:
            assert_equal(published["H"], published[f"{tag}|hg"][step])


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_famo_compares_with_the_next_batch():
    balancer = build("FAMO", lr=0.1)
    first, _ = weights_of(balancer, numbers(1.0, 1.0, 1.0))
    assert_equal(first, numbers(1 / 3, 1 / 3, 1 / 3))
    weights, _ = weights_of(balancer, numbers(0.5, 1.0, 1.0))  # the first loss fell
    assert_equal(weights.sum(), torch.tensor(1.0).double())
    logits = balancer.logits.get(TASKS)
    assert logits[0] < logits[1] == logits[2]


def test_famo_compares_only_tasks_of_two_successive_batches():
    balancer = build("FAMO")
    weights_of(balancer, numbers(1.0, 1.0), TASKS[:2])
    weights_of(balancer, numbers(0.1, 1.0), TASKS[1:])  # only one task in both
    assert not balancer.logits.get(TASKS).any()
    weights_of(balancer, numbers(0.2, 0.5, 1.0))
    assert balancer.updates.get(TASKS).tolist() == [0, 1, 1]
    assert balancer.logits.get(TASKS)[0] == 0


def test_a_loss_that_is_not_finite_does_not_enter_the_state():
    for name in ("FAMO", "DWA", "STCH"):
        balancer = build(name)
        before = {key: value.clone() for key, value in balancer.state_dict().items() if "of_" in key}
        weights_of(balancer, numbers(1.0, float("inf"), 1.0))
        balancer.end_epoch()
        after = balancer.state_dict()
        assert all(torch.equal(value, after[key]) for key, value in before.items()), name


def test_dwa_keeps_the_means_of_a_task_without_labels_in_an_epoch():
    balancer = build("DWA")
    for first in (1.0, 0.5):
        weights_of(balancer, numbers(first, 1.0, 1.0))
        balancer.end_epoch()
    weights_of(balancer, numbers(1.0, 1.0), TASKS[1:])
    balancer.end_epoch()
    assert balancer.mean_now.get(TASKS).tolist() == [0.5, 1, 1]
    assert balancer.mean_before.get(TASKS).tolist() == [1, 1, 1]
    weights, _ = weights_of(balancer, numbers(1.0, 1.0, 1.0))
    assert_equal(weights, 3 * (numbers(0.5, 1, 1) / 2).softmax(0))


def test_stch_finds_the_nadir_of_a_task_that_comes_later():
    balancer = build("STCH", nadir_epoch=0)
    weights_of(balancer, numbers(2.0, 4.0), TASKS[:2])
    balancer.end_epoch()
    weights, _ = weights_of(balancer, numbers(1.0, 4.0, 10.0))
    assert_equal(weights, torch.cat([2 * numbers(0.5, 1.0) / 1.5 / numbers(1.0, 4.0), numbers(0.1)]))
    balancer.end_epoch()
    assert balancer.nadir.get(TASKS).tolist() == [2, 4, 10]


def test_random_weights_are_those_of_the_seed_and_the_step():
    torch.manual_seed(1)
    one, two = build("RLW"), build("RLW")
    torch.rand(3)  # the state of PyTorch's generator does not matter
    drawn = [[weights_of(balancer, numbers(1.0, 1.0, 1.0))[0] for _ in range(2)] for balancer in (one, two)]
    assert torch.equal(drawn[0][0], drawn[1][0]) and not torch.equal(drawn[0][0], drawn[0][1])
    torch.manual_seed(2)
    assert not torch.equal(weights_of(build("RLW"), numbers(1.0, 1.0, 1.0))[0], drawn[0][0])


def test_seeds_of_checkpoints_replace_those_of_the_run():
    torch.manual_seed(1)
    one = build("RLW")
    torch.manual_seed(2)
    two = build("RLW")
    two.load_state_dict(one.state_dict())
    assert torch.equal(weights_of(one, numbers(1.0, 1.0, 1.0))[0], weights_of(two, numbers(1.0, 1.0, 1.0))[0])


def test_grad_norm_continues_for_the_present_tasks():
    balancer = build("GradNorm", lr=0.1)
    gramian = torch.diag(numbers(1.0, 100.0, 1.0))
    balancer.weights(gramian, TASKS, numbers(1.0, 1.0, 1.0))
    balancer.end_epoch()
    for _ in range(5):
        balancer.weights(gramian, TASKS, numbers(1.0, 1.0, 1.0))
    before = balancer.factors.get(TASKS)
    assert before[1] < 1 < before[0]
    weights = balancer.weights(gramian[:2, :2], TASKS[:2], numbers(1.0, 1.0))
    assert_equal(weights, before[:2] / before[:2].mean())
    after = balancer.factors.get(TASKS)
    assert after[2] == before[2] and not torch.equal(after[:2], before[:2])
    assert_equal(after.sum(), torch.tensor(3.0).double())


def test_the_memory_has_the_size_of_the_trunk():
    balancer = build("MoCo")
    trunk = nn.Linear(3, 4)
    trunk.bias.requires_grad_(False)
    model = nn.Module()
    model.backbone, model.neck = trunk, None
    balancer.attach(model)
    assert balancer.memory.get(TASKS).shape == (3, 12)
    with pytest.raises(ValueError, match="MoCo stores gradients of 12 numbers, .* have 16 trainable parameters now"):
        balancer.combined(torch.zeros(3, 16), TASKS, numbers(1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("DWA", dict(temperature=0), r"DWA: temperature=0 must be a number above 0"),
        ("STCH", dict(mu=-1.0), r"STCH: mu=-1.0 must be a number above 0"),
        ("STCH", dict(nadir_epoch=-1), r"STCH: nadir_epoch=-1 must be a whole number at least 0"),
        ("FAMO", dict(lr="fast"), r"FAMO: lr='fast' must be a number above 0"),
        ("UW", dict(start=float("nan")), r"UW: start=nan must be a number"),
        ("GradNorm", dict(alpha=-1), r"GradNorm: alpha=-1 must be a number at least 0"),
        ("DBMTL", dict(beta=1.5), r"DBMTL: beta=1.5 must be a number at least 0 and at most 1"),
        ("GradDrop", dict(leak=dict(first=2.0)), r"GradDrop: leak\['first'\]=2.0 must be a number at most 1"),
        ("GradDrop", dict(leak=dict(first=-0.1)), r"GradDrop: leak\['first'\]=-0.1 must be a number of 0 or more"),
        ("MoCo", dict(beta=1.5), r"MoCo: beta=1.5 must be a number at most 1"),
        ("GradDrop", dict(leak=dict(forst=0.5)), r"GradDrop: leak has the unknown task 'forst'"),
        ("COSMOS", dict(preference=[1.0, 2.0]), r"COSMOS: preference has 2 numbers for 3 tasks"),
        ("PBI", dict(preference=dict(first=1.0)), r"PBI: preference has no number for second, third"),
        ("UW", dict(every=2), r"UW computes its weights from the losses of each step: leave out every"),
        ("MoCo", dict(at="features"), r"MoCo: at='features' must be 'parameters'"),
        ("ExcessMTL", dict(baseline_steps=0), r"ExcessMTL: baseline_steps=0 must be a whole number at least 1"),
    ],
)
def test_wrong_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, **options)


def test_a_task_may_have_no_leak():
    assert build("GradDrop", leak=dict(first=0.0, second=0.5)).leak.get(TASKS).tolist() == [0.0, 0.5, 0.0]
