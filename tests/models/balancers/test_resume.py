"""A training with a balancer that is interrupted and resumed ends with equal weights and state, bit for bit."""

import pytest
import torch
from mmengine.structures import BaseDataElement
from torch.utils.data import Dataset

from mtl_plugins.engine import read_checkpoint
from mtl_plugins.models.balancers import GramianBalancer
from mtl_plugins.registry import MODELS
from mtl_plugins.structures import TaskData
from tests.engine import toy_run
from tests.models.balancers.linear_model import TASKS, build
from tests.models.balancers.test_missing_labels import registered

ITERS, STOP = 12, 7
EPOCH = 3  # iterations; the training stops within an epoch of the balancer
LABELS = (TASKS, TASKS[2:], TASKS[:2], TASKS, ())  # of the two images of each batch
OPTIONS = dict(STCH=dict(nadir_epoch=0))


class LabelsOfSomeTasks(Dataset):
    """Images of one pixel, whose labels come and go."""

    def __len__(self):
        return 2 * len(LABELS)

    def __getitem__(self, key):
        index = key[0] if isinstance(key, tuple) else key
        generator = torch.Generator().manual_seed(index)
        image = torch.randint(0, 256, (3, 1, 1), generator=generator, dtype=torch.uint8)
        targets = torch.randn(3, 1, 1, 1, generator=generator, dtype=torch.float64)
        gt = {task: targets[t] for t, task in enumerate(TASKS) if task in LABELS[index // 2]}
        info = dict(ori_shape=(1, 1), img_shape=(1, 1), img_path=f"{index}.png")
        return dict(inputs=image, data_samples=BaseDataElement(metainfo=info, gt=TaskData(**gt)))


def config_of(name):
    """A config of the method with all the state that it can have."""
    more = dict(every=2, smoothing=0.5) if issubclass(MODELS.get(name), GramianBalancer) else {}
    return dict(type=name, warmup=1, **more, **OPTIONS.get(name, {}))


def train(folder, name, **options):
    without_validation = dict.fromkeys(("val_dataloader", "val_cfg", "val_evaluator"))
    runner = toy_run.build_runner(
        folder,
        iters=ITERS,
        model=build(config_of(name)),
        dataset=LabelsOfSomeTasks(),
        batch_size=2,
        checkpoint=dict(interval=STOP, max_keep_ckpts=-1, save_best=None),
        hooks=[dict(type="BalanceHook", period=EPOCH), dict(type="EMAHook", momentum=0.1)],
        param_scheduler=None,
        **(without_validation | options),
    )
    runner.train()
    return runner


@pytest.mark.parametrize("name", registered())
def test_a_resumed_training_is_equal(name, tmp_path):
    full = train(tmp_path / "full", name)
    middle = tmp_path / "full" / f"iter_{STOP}.pth"
    resumed = train(tmp_path / "resumed", name, load_from=str(middle), resume=True)
    expected, found = full.model.state_dict(), resumed.model.state_dict()
    assert any("balancer" in key for key in expected)
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        assert torch.equal(value, found[key]) or (value.isnan() & found[key].isnan()).all(), key
    last, last2 = (read_checkpoint(tmp_path / run / f"iter_{ITERS}.pth") for run in ("full", "resumed"))
    for key, value in last["ema_state_dict"].items():
        assert torch.equal(value, last2["ema_state_dict"][key]) or value.isnan().any(), key
    if any("of_first" in key and "balancer" in key for key in expected):
        stored = read_checkpoint(middle)["state_dict"]
        state = [key for key in expected if "balancer" in key and "of_" in key]
        assert any(not torch.equal(stored[key], expected[key]) for key in state), "the state does not change"
