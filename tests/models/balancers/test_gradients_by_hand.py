"""Directions of balancers against gradients that are written down by hand."""

import copy

import numpy as np
import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper

from tests.models.balancers.linear_model import LABELS, TASKS, batch, build, by_hand, largest_difference, rule

PLACES = ("features", "parameters")
BALANCERS = ("InverseNorm", "InverseNormOfRows")


def backward(model, *given, factor=1.0, **options):
    images, samples, _ = batch(*given, **options)
    total, _ = model.parse_losses(model.loss(images, samples))
    (total * factor).backward()


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("scale_heads", [True, False])
@pytest.mark.parametrize("kind", BALANCERS)
def test_directions_with_missing_labels(kind, at, scale_heads):
    model = build(dict(type=kind, at=at, scale_heads=scale_heads))
    backward(model)
    expected, weights = by_hand(model, at, scale_heads)
    assert largest_difference(model, expected) < 1e-10
    assert model.balancer.report.tasks == TASKS
    assert np.allclose(model.balancer.report.weights, list(weights.values()), rtol=1e-10)


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("kind", BALANCERS)
def test_a_task_without_labels_is_left_out(kind, at):
    labels = LABELS | {"second": []}
    model = build(dict(type=kind, at=at, scale_heads=True))
    backward(model, labels=labels)
    expected, weights = by_hand(model, at, labels=labels)
    assert "second" not in weights and largest_difference(model, expected) < 1e-10
    assert not model.heads["second"].layer.weight.grad.any()
    assert model.balancer.report.tasks == ("first", "third")


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("kind", BALANCERS)
def test_a_batch_without_labels_changes_nothing(kind, at):
    model = build(dict(type=kind, at=at))
    backward(model, labels={})
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("at", PLACES)
def test_the_factor_of_a_scaled_loss_does_not_change_the_weights(at):
    model = build(dict(type="InverseNorm", at=at))
    backward(model, factor=2.0**16)
    expected, _ = by_hand(model, at)
    assert largest_difference(model, expected, factor=2.0**16) < 1e-10


@pytest.mark.parametrize("at", PLACES)
def test_accumulated_gradients_are_those_of_each_batch(at):
    model = build(dict(type="InverseNorm", at=at))
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.0), accumulative_counts=2)
    wrapper.initialize_count_status(model, 0, 2)
    halves = [range(0, 3), range(3, 6)]
    expected = [by_hand(model, at, chosen=half)[0] for half in halves]
    kept = {}
    wrapper.zero_grad = lambda **_: kept.update({n: p.grad.clone() for n, p in model.named_parameters()})
    for half in halves:
        images, samples, _ = batch(half)
        with wrapper.optim_context(model):
            total, _ = model.parse_losses(model.loss(images, samples))
        wrapper.update_params(total)
    for name, gradient in kept.items():
        mean = sum(gradients[name] for gradients in expected) / 2
        assert np.abs(gradient.numpy().ravel() - mean.ravel()).max() < 1e-10


@pytest.mark.parametrize("at", PLACES)
def test_bfloat16_gives_nearly_the_same_weights(at):
    model = build(dict(type="InverseNorm", at=at)).float()
    images, samples, _ = batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total, _ = model.parse_losses(model.loss(images.float(), samples))
    total.backward()
    expected, weights = by_hand(model, at)
    report = model.balancer.report
    assert report.gramian.dtype == torch.float64
    assert np.allclose(report.weights, list(weights.values()), rtol=0.03)
    assert largest_difference(model, expected) < 0.05


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_compiled_network_has_the_same_gradients(backend):
    torch.compiler.reset()
    model = build(dict(type="InverseNorm"))
    model.compile_network(backend=backend)
    backward(model)
    assert largest_difference(model, by_hand(model)[0]) < 1e-10


def test_deep_copies_and_checkpoints_contain_the_state(tmp_path):
    model = build(dict(type="InverseNorm", every=2))
    backward(model)
    copied = copy.deepcopy(model)
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    fresh = build(dict(type="InverseNorm", every=2))
    fresh.load_state_dict(torch.load(tmp_path / "weights.pth"))
    for other in (copied, fresh):
        other.zero_grad()
        backward(other)
        assert torch.equal(other.balancer.report.weights, model.balancer.report.weights)  # the second step reuses them


def test_warmup_has_equal_weights():
    model, plain = build(dict(type="InverseNorm", warmup=1)), build(None)
    backward(model)
    backward(plain)
    for found, expected in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(found.grad, expected.grad, rtol=1e-12)
    model.zero_grad()
    backward(model)
    assert largest_difference(model, by_hand(model)[0]) < 1e-10


def test_factors_of_tasks_apply_before_balancing():
    model, doubled = build(dict(type="InverseNorm", task_weights=dict(second=2.0))), build(dict(type="InverseNorm"))
    backward(model)
    images, samples, _ = batch()
    head = doubled.heads["second"]
    once = head.loss
    head.loss = lambda *args: {name: 2 * value for name, value in once(*args).items()}
    doubled.parse_losses(doubled.loss(images, samples))[0].backward()
    for found, expected in zip(model.parameters(), doubled.parameters(), strict=True):
        assert torch.allclose(found.grad, expected.grad, rtol=1e-12)


def test_equal_is_the_sum_of_the_losses_and_measures_the_gradients():
    model, plain = build(dict(type="Equal")), build(None)
    backward(model)
    backward(plain)
    for found, expected in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(found.grad, expected.grad, rtol=1e-12)
    report = model.balancer.report
    assert report.weights.tolist() == [1.0, 1.0, 1.0] and (report.gramian.diagonal() > 0).all()


def test_the_tasks_may_part_inside_the_neck():
    """The branch point is where the neck calls `split`, before its layers for single tasks."""
    model = build(dict(type="InverseNorm"), neck=dict(type="NeckWithSplit"))
    backward(model)
    plain = build(None, neck=dict(type="NeckWithSplit"))
    images, samples, _ = batch()
    (shared,) = plain.backbone(images)
    losses = []
    for task, layer in plain.neck.layers.items():
        losses += plain._task_loss(task, plain.heads[task]([layer(shared)]), samples).values()
    rows = [torch.autograd.grad(loss, shared, retain_graph=True)[0] for loss in losses]
    flat = torch.stack([row.flatten() for row in rows])
    weights = rule(flat @ flat.mT, torch.stack(losses).detach())
    sum(weight * loss for weight, loss in zip(weights, losses, strict=True)).backward()
    expected = plain.backbone.layer.weight.grad
    assert torch.allclose(model.backbone.layer.weight.grad, expected, rtol=1e-10)
    assert torch.allclose(model.balancer.report.weights, weights, rtol=1e-10)


def test_a_neck_that_hides_where_the_tasks_part_is_an_error_at_the_features_only():
    model = build(dict(type="InverseNorm"), neck=dict(type="NeckWithoutSplit"))
    with pytest.raises(ValueError, match="NeckWithoutSplit.*at='parameters'.*split"):
        backward(model)
    backward(build(dict(type="InverseNorm", at="parameters"), neck=dict(type="NeckWithoutSplit")))


@pytest.mark.parametrize("name", ["Equal", "UW"])
def test_a_loss_weighting_trains_a_neck_that_hides_where_the_tasks_part(name):
    model = build(dict(type=name), neck=dict(type="NeckWithoutSplit"))
    backward(model)
    report = model.balancer.report
    assert report.tasks == TASKS and report.gramian is None and report.weights.isfinite().all()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_evaluation_does_not_count_steps():
    model = build(dict(type="InverseNorm")).eval()
    images, samples, _ = batch()
    model.loss(images, samples)
    assert model.balancer.steps == 0


def _rank(rank, world, folder):
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world)
    for at in PLACES:
        model = build(dict(type="InverseNorm", at=at))
        wrapped = MMDistributedDataParallel(model)
        images, samples, _ = batch([range(0, 3), range(3, 6)][rank])
        total, _ = model.parse_losses(wrapped(images, samples, mode="loss"))
        total.backward()
        gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
        torch.save(dict(gradients=gradients, weights=model.balancer.report.weights), f"{folder}/{at}_{rank}.pth")
    torch.distributed.destroy_process_group()


def test_two_processes_with_unequal_labels_are_one_with_the_complete_batch(tmp_path):
    torch.multiprocessing.spawn(_rank, (2, str(tmp_path)), nprocs=2)
    for at in PLACES:
        expected, weights = by_hand(build(None), at)
        for rank in range(2):
            found = torch.load(tmp_path / f"{at}_{rank}.pth")
            assert np.allclose(found["weights"], list(weights.values()), rtol=1e-10)
            for name, gradient in found["gradients"].items():
                assert np.abs(gradient.numpy().ravel() - expected[name].ravel()).max() < 1e-10


@pytest.mark.parametrize(
    ("balancer", "message"),
    [
        (dict(type="UPGradd"), "'UPGradd' is not a balancer: did you mean 'UPGrad'.*The balancers are AlignedMTL, "),
        (dict(type="CrossEntropyLoss"), "'CrossEntropyLoss' is not a balancer"),
        ("UPGrad", "must be a dict with the type of a balancer, or None"),
        (dict(at="features"), "must be a dict with the type"),
        (dict(type="imtl-g"), "'imtl-g' is not a balancer: did you mean 'IMTLG'"),
        (dict(type="UPGrad", tasks=["first"]), r"leave out tasks=\['first'\]: .*model.heads \(first, second, third\)"),
        (dict(type="UPGrad", scale_heads="False"), "scale_heads='False' must be True or False"),
        (dict(type="NashMTL", normalised="no"), "normalised='no' must be True or False"),
        (dict(type="UPGrad", preference=5), "preference=5 must be a list with one number per task"),
        (dict(type="COSMOS", preference=[]), "preference has 0 numbers for 3 tasks"),
        (dict(type="PBI", preference={}), "preference has no number for first, second, third"),
        (dict(type="STCH", nadir_epoch=2.5), "nadir_epoch=2.5 must be a whole number at least 0"),
        (dict(type="SDMGrad", inner_steps=2.5), "inner_steps=2.5 must be a whole number at least 1"),
        (dict(type="ExcessMTL", baseline_steps=0), "baseline_steps=0 must be a whole number at least 1"),
        (dict(type="Krum", n_selected=4), "n_selected=4 must be a whole number at least 1 and at most 3"),
        (dict(type="UW", start=10**400), "start=1000.* must be a number"),
        (dict(type="MGDA", at="feature"), "at='feature' must be 'features' or 'parameters'"),
        (dict(type="UW", task_weights=dict(frst=2)), "unknown task 'frst': did you mean 'first'"),
        (dict(type="UPGrad", preference=[1, 2]), r"preference has 2 numbers for 3 tasks \(first, second, third\)"),
        (dict(type="UPGrad", warmup=-1), "warmup=-1 must be a whole number"),
        (dict(type="UPGrad", smoothing=1.0), "smoothing=1.0 must be at least 0 and less than 1"),
    ],
)
def test_wrong_configs(balancer, message):
    with pytest.raises(ValueError, match=message):
        build(balancer)
