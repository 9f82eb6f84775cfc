"""The typical depth of a fixed camera is measured on the training set before the first step."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mtl_plugins.datasets import NYUDv2
from mtl_plugins.engine import TypicalDepthHook
from mtl_plugins.models import FixedCameraDepthHead

from .test_label_ranges_hook import write


def runner_of(root, iteration=0):
    model = nn.Module()
    head = FixedCameraDepthHead((4,), (4,), grid=(3, 2))
    model.heads = nn.ModuleDict(dict(depth=head, semseg=nn.Identity()))
    loader = SimpleNamespace(dataset=NYUDv2(root, "train"))
    return head, SimpleNamespace(iter=iteration, model=model, train_dataloader=loader)


def test_the_mean_of_the_labels_is_the_typical_depth(tmp_path):
    head, runner = runner_of(write(tmp_path, metres=(3.0, 5.0)))
    TypicalDepthHook(samples=4).before_train(runner)
    assert (head.typical.exp() - 4).abs().max() < 0.2


def test_a_resumed_training_keeps_its_own(tmp_path):
    head, runner = runner_of(write(tmp_path), iteration=3)
    TypicalDepthHook().before_train(runner)
    assert torch.allclose(head.typical.exp(), torch.tensor(12.0))


@pytest.mark.parametrize("key, kept", [("heads.depth.typical", True), ("heads.semseg.out.weight", False)])
def test_a_loaded_checkpoint_keeps_its_own(tmp_path, key, kept):
    head, runner = runner_of(write(tmp_path))
    hook = TypicalDepthHook()
    hook.after_load_checkpoint(runner, dict(state_dict={key: torch.zeros(1)}))
    hook.before_train(runner)
    assert torch.allclose(head.typical.exp(), torch.tensor(12.0)) == kept


def test_unreadable_labels_are_left_to_the_training(tmp_path):
    head, runner = runner_of(write(tmp_path, metres=(3.0, 5.0)))
    (tmp_path / "depth/0.png").write_bytes(b"")
    TypicalDepthHook().before_train(runner)
    assert (head.typical.exp() - 4).abs().max() < 0.2
    for path in (tmp_path / "depth").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="no depth map has a valid reading"):
        TypicalDepthHook().before_train(runner)


def test_at_least_one_sample():
    with pytest.raises(ValueError, match="samples=0 must be at least 1"):
        TypicalDepthHook(samples=0)
