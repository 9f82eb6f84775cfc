import pytest
import torch
from mmengine.optim import ConstantLR, LinearLR, PolyLR

from mtl_plugins.engine.refit_schedule import refit_schedule


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


def test_schedules_of_fixed_length_are_unchanged():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    for scheduler in (LinearLR(optimizer, 0.01, end=100, by_epoch=False), ConstantLR(optimizer, by_epoch=True)):
        before = dict(scheduler.state_dict())
        refit_schedule(scheduler, before)
        assert scheduler.state_dict() == before
