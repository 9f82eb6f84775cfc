"""Necks in which tasks exchange features, and their messages."""

import pytest
import torch

from mtl_plugins.registry import MODELS

from ..contracts.task_neck_contract import TaskNeckContract

SIZES = dict(in_channels=(8, 16), in_strides=(4, 8), tasks=("semseg", "depth"))


class TestPADNet(TaskNeckContract):
    config = dict(type="PADNet", channels=8)


class TestMTINet(TaskNeckContract):
    config = dict(type="MTINet", channels=8)


class TestCrossTaskAttention(TaskNeckContract):
    config = dict(type="CrossTaskAttention", channels=8, num_heads=2)


class TestMTAN(TaskNeckContract):
    config = dict(type="MTAN", paired=False, decoder=dict(type="ConcatFeatures", channels=8))
    splits = True


def test_mtan_names_what_provides_pairs():
    with pytest.raises(ValueError, match=r"strides of the features are \[4, 8\]. Set model.backbone.out_features="):
        MODELS.build(dict(type="MTAN", **SIZES))


@torch.no_grad()
def test_mtan_reads_the_features_around_the_last_block_of_each_stage():
    backbone = MODELS.build(dict(type="TimmBackbone", model_name="test_resnet", out_features="last_blocks"))
    assert backbone.out_strides == (4, 4, 8, 8, 16, 16, 32, 32)
    stage = backbone.eval().body.layer2
    features = backbone(torch.randn(1, 3, 64, 64))
    torch.testing.assert_close(getattr(stage, "1")(features[2]) if hasattr(stage, "1") else features[3], features[3])


def test_an_unknown_mask():
    with pytest.raises(ValueError, match="MTINet: mask='task' must be 'tasks' or 'channels'"):
        MODELS.build(dict(type="MTINet", mask="task", **SIZES))


def test_an_unknown_auxiliary_task():
    with pytest.raises(ValueError, match="PADNet: auxiliaries has the unknown task 'dept': did you mean"):
        MODELS.build(dict(type="PADNet", auxiliaries=["dept"], **SIZES))


def test_auxiliary_predictions_need_one_map():
    neck = MODELS.build(dict(type="PADNet", channels=8, **SIZES))
    with pytest.raises(ValueError, match=r"PADNet predicts every task .* 'depth' \(Identity\) has no out_channels"):
        neck.attach({"depth": torch.nn.Identity()})


@torch.no_grad()
def test_only_auxiliary_tasks_pass_on_their_features():
    neck = MODELS.build(dict(type="PADNet", channels=8, auxiliaries=["depth"], **SIZES)).eval()
    assert set(neck.distillation.convs) == {"depth"}
    neck.prune(["depth"])
    assert set(neck.initial) == {"depth"} and not neck.distillation.convs


@torch.no_grad()
def test_cross_task_attention_starts_without_exchange():
    torch.manual_seed(0)
    neck = MODELS.build(dict(type="CrossTaskAttention", channels=8, fuse=None, **SIZES)).eval()
    features = [torch.randn(1, 8, 6, 7), torch.randn(1, 16, 3, 4)]
    shared = neck.fuse(features)[0]
    assert torch.equal(neck(features)["depth"][0], neck.initial["depth"](shared))
    neck.factors["depth"].fill_(1.0)
    before = neck(features)["depth"][0]
    neck.initial["semseg"].body[-1].bias.add_(1.0)
    assert not torch.equal(neck(features)["depth"][0], before)


@torch.no_grad()
def test_cross_task_attention_equals_its_formula():
    torch.manual_seed(0)
    neck = MODELS.build(dict(type="CrossTaskAttention", channels=4, num_heads=1, pool=1, **SIZES)).double().eval()
    neck.factors["depth"].fill_(1.0)
    features = [torch.randn(1, 8, 3, 4).double(), torch.randn(1, 16, 2, 2).double()]
    own, other = (neck.initial[task](neck.fuse(features)[0]) for task in ("depth", "semseg"))
    query = neck.queries["depth"](own).flatten(2)[0].T  # (positions, channels)
    key, value = (x.flatten(1).T for x in neck.keys_and_values["semseg"](other)[0].chunk(2))
    attended = (query @ key.T / 2.0).softmax(1) @ value
    expected = own + neck.outputs["depth"](attended.T.reshape(1, 4, 3, 4))
    torch.testing.assert_close(neck(features)["depth"][0], expected)


def test_attention_heads_that_do_not_fit():
    with pytest.raises(ValueError, match="CrossTaskAttention: channels=6 must be a multiple of num_heads=4"):
        MODELS.build(dict(type="CrossTaskAttention", channels=6, **SIZES))
