"""Every registered balancer on two processes with unequal labels: the same training as on one with all images."""

import pytest
import torch
from mmengine.model import MMDistributedDataParallel

from tests.models.balancers.linear_model import LABELS, batch, build
from tests.models.balancers.test_missing_labels import registered

HALVES = [range(0, 3), range(3, 6)]
STEPS = (LABELS, {"first": [0, 1], "third": [4, 5]}, LABELS, {"second": [5]}, LABELS)  # labels of each step
# At the features, GradDrop draws numbers for its own images.
OPTIONS = dict(GradDrop=dict(at="parameters"), STCH=dict(nadir_epoch=0))


def train(name, chosen, wrap=lambda model: model):
    """The parameters and the state after some steps and epochs."""
    model = build(dict(type=name, **OPTIONS.get(name, {})))
    wrapped = wrap(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for labels in STEPS:
        images, samples, _ = batch(chosen, labels)
        total, _ = model.parse_losses(wrapped(images, samples, mode="loss"))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        model.balancer.end_epoch()
    return model.state_dict()


def _rank(rank, world, folder):
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world)
    found = {name: train(name, HALVES[rank], MMDistributedDataParallel) for name in registered()}
    torch.save(found, f"{folder}/{rank}.pth")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(_rank, (2, str(folder)), nprocs=2)
    return [torch.load(folder / f"{rank}.pth") for rank in range(2)]


@pytest.mark.parametrize("name", registered())
def test_two_processes_are_one_with_all_images(name, ranks):
    expected = train(name, range(6))
    for key, value in expected.items():
        assert torch.equal(ranks[0][name][key].nan_to_num(), ranks[1][name][key].nan_to_num()), key
        torch.testing.assert_close(ranks[0][name][key], value, rtol=1e-6, atol=1e-9, equal_nan=True, msg=key)
