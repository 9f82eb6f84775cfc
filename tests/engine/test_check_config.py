"""Options of a run that contradict each other end in one sentence, or in a warning if they only have no effect."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from mtl_plugins.apis import load_config
from mtl_plugins.apis.presets import list_presets
from mtl_plugins.engine import check_config as module
from mtl_plugins.engine.check_config import check_batches, check_config
from mtl_plugins.engine.explain_errors import explain_errors

EPOCHS, ITERS = dict(by_epoch=True, max_epochs=3), dict(type="IterBasedTrainLoop", max_iters=20)


def loader(**options):
    return dict(train_dataloader=dict(batch_size=2) | options)


def checkpoints(**options):
    return dict(train_cfg=EPOCHS, default_hooks=dict(checkpoint=options))


@pytest.mark.parametrize(
    "config, message",
    [
        (loader(num_workers=0, persistent_workers=True), "persistent_workers=True needs worker processes"),
        (loader(prefetch_factor=2), "prefetch_factor=2 needs worker processes"),
        (loader(timeout=10), "timeout=10 needs worker processes"),
        (loader(num_workers=2, prefetch_factor=0), "prefetch_factor=0 must be at least 1"),
        (loader(num_workers=-1), "num_workers=-1 must be 0"),
        (loader(batch_size=0), "batch_size=0 must be a whole number"),
        (loader(batch_size="4x"), "batch_size='4x' must be a whole number"),
        (loader(sampler=dict(type="X"), shuffle=True), "shuffle=True contradicts train_dataloader.sampler"),
        (loader(batch_sampler=dict(type="X"), drop_last=True), "drop_last=True contradicts train_dataloader.batch_"),
        (dict(val_dataloader=dict(persistent_workers=True)), "val_dataloader.persistent_workers"),
        (dict(train_cfg=EPOCHS | dict(val_interval=0)), "val_interval=0 must be"),
        (dict(train_cfg=EPOCHS | dict(max_epochs=0)), "max_epochs=0 must be"),
        (dict(train_cfg=EPOCHS | dict(max_iters=9)), r"counted in epochs or in iterations.*_delete_=True"),
        (dict(train_cfg=EPOCHS | dict(val_begin=4)), "the model is never validated"),
        (
            dict(train_cfg=EPOCHS, param_scheduler=dict(type="PolyLR", begin=5, end=5)),
            "begin=5 must be less than end=5",
        ),
        (dict(train_cfg=ITERS, optim_wrapper=dict(accumulative_counts=0)), "accumulative_counts=0 must be"),
        (checkpoints(interval=0, max_keep_ckpts=3), "max_keep_ckpts=3 contradicts interval=0"),
        (checkpoints(interval=-1, max_keep_ckpts=3), "max_keep_ckpts=3 contradicts interval=-1"),
        (checkpoints(interval=1, max_keep_ckpts=0), "max_keep_ckpts=0 must be whole numbers|max_keep_ckpts at least 1"),
    ],
)
def test_contradictions_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        check_config(config)


@pytest.fixture
def warnings(monkeypatch):
    messages = []
    monkeypatch.setattr(module, "print_log", lambda message, *args: messages.append(message))
    return messages


@pytest.mark.parametrize(
    "config, message",
    [
        (
            dict(train_cfg=EPOCHS, param_scheduler=dict(type="MultiStepLR", milestones=[2, 9])),
            "milestones [9] are never",
        ),
        (dict(train_cfg=EPOCHS, param_scheduler=[dict(type="LinearLR", end=5)]), "the warm-up takes 5 epochs"),
        (dict(train_cfg=ITERS, param_scheduler=[dict(type="LinearLR", by_epoch=False, end=500)]), "takes 500 iters"),
        (dict(train_cfg=EPOCHS, param_scheduler=[dict(type="PolyLR", begin=3, end=9)]), "never takes effect"),
        (dict(train_cfg=ITERS, optim_wrapper=dict(accumulative_counts=21)), "larger than max_iters=20"),
        (
            dict(train_cfg=ITERS, default_hooks=dict(checkpoint=dict(type="CheckpointHook", interval=5))),
            "set by_epoch=False",
        ),
    ],
)
def test_options_without_effect_cause_a_warning(config, message, warnings):
    check_config(config)
    assert len(warnings) == 1 and message in warnings[0]


@pytest.mark.parametrize("preset", sorted(list_presets()))
def test_the_presets_have_no_contradictions(preset, warnings):
    check_config(load_config(preset))
    assert not warnings


def test_a_loader_whose_only_batch_is_dropped_is_refused():
    check_batches(DataLoader([1, 2, 3], batch_size=4), "train_dataloader")
    with pytest.raises(ValueError, match="train_dataloader has no batch: drop_last=True .* batch_size=4"):
        check_batches(DataLoader([1, 2, 3], batch_size=4, drop_last=True), "train_dataloader")


def test_batch_normalisation_of_one_value_is_explained():
    with (
        pytest.raises(ValueError, match="1 x 1 map of a batch of one image.*batch_size of at least 2"),
        explain_errors(),
    ):
        nn.BatchNorm2d(3)(torch.zeros(1, 3, 1, 1))
    with pytest.raises(ValueError, match="^other$"), explain_errors():
        raise ValueError("other")
