import pytest
import torch
from mmengine.optim import ConstantLR, LinearLR, PolyLR

from mtl_plugins.engine.refit_schedule import extend_schedule, refit_schedule


def schedule(kind, epochs_of, **options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    built = kind.build_iter_from_epoch(optimizer, epoch_length=epochs_of, by_epoch=True, **options)
    return optimizer, built


@pytest.mark.parametrize("lengths", [(40, 20), (20, 40), (30, 10)])
@pytest.mark.parametrize("done", [1, 3])
def test_a_schedule_over_epochs_continues_at_the_same_fraction(lengths, done):
    old, new = lengths
    optimizer, interrupted = schedule(PolyLR, old, power=0.9, eta_min=0.01, begin=0, end=5)
    for _ in range(done * old):
        optimizer.step()
        interrupted.step()
    rate = optimizer.param_groups[0]["lr"]
    resumed_optimizer, resumed = schedule(PolyLR, new, power=0.9, eta_min=0.01, begin=0, end=5)
    planned = dict(resumed.state_dict())
    resumed.load_state_dict(interrupted.state_dict())
    resumed_optimizer.param_groups[0]["lr"] = rate
    refit_schedule(resumed, planned)
    _, uninterrupted = (other := schedule(PolyLR, new, power=0.9, eta_min=0.01, begin=0, end=5))
    rates = []
    for step in range(5 * new):
        other[0].step()
        uninterrupted.step()
        if step >= done * new:
            resumed_optimizer.step()
            resumed.step()
            rates.append((resumed_optimizer.param_groups[0]["lr"], other[0].param_groups[0]["lr"]))
    assert rates[-1][0] == pytest.approx(0.01, abs=0.03)
    assert all(a == pytest.approx(b, rel=0.05, abs=0.01) for a, b in rates)


@pytest.mark.parametrize("epochs", [3, 8])
def test_a_longer_or_shorter_training_ends_with_the_last_value_of_its_schedule(epochs):
    options = dict(power=0.9, eta_min=0.01, begin=0)
    optimizer, interrupted = schedule(PolyLR, 10, end=5, **options)
    for _ in range(20):
        optimizer.step()
        interrupted.step()
    rate = optimizer.param_groups[0]["lr"]
    resumed_optimizer, resumed = schedule(PolyLR, 10, end=epochs, **options)
    planned = dict(resumed.state_dict())
    resumed.load_state_dict(interrupted.state_dict())
    resumed_optimizer.param_groups[0]["lr"] = rate
    assert f"PolyLR ends at step {10 * epochs}, as this config does, and no longer at 50" in extend_schedule(
        resumed, planned
    )
    assert extend_schedule(resumed, planned) is None
    rates = [rate]
    for _ in range(20, 10 * epochs):
        resumed_optimizer.step()
        resumed.step()
        rates.append(resumed_optimizer.param_groups[0]["lr"])
    assert rates == sorted(rates, reverse=True) and rates[-1] == pytest.approx(0.01, abs=0.04)
    assert rates[1] > 0.8 * rate


def test_schedules_of_fixed_length_are_unchanged():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    for scheduler in (LinearLR(optimizer, 0.01, end=100, by_epoch=False), ConstantLR(optimizer, by_epoch=True)):
        before = dict(scheduler.state_dict())
        refit_schedule(scheduler, before)
        assert scheduler.state_dict() == before
