"""The DeepLab head of the survey: `ASPP` as a neck and as a head's decoder."""

import json

import numpy as np
import pytest
import torch

from mtl_plugins.registry import MODELS

from ..contracts.neck_contract import NeckContract
from .rule_weights import weight_by_rule

SURVEY_NAMES = (("0.", "decoder.pyramid."), ("1.", "decoder.conv.0."), ("2.", "decoder.conv.1."), ("4.", "out."))


class TestASPP(NeckContract):
    config = dict(type="ASPP", channels=8, dilations=(2, 3, 4))
    read = (-1,)

    def check(self, neck, strides):
        assert neck.out_channels == (8,) and neck.out_strides == (strides[-1],)

    def test_training_with_a_batch_of_one_raises(self):
        neck = self.build().train()
        with pytest.raises(ValueError, match=r"^ASPP cannot train on a batch of one image.*batch_size=2"):
            neck(self.features(n=1))

    def test_dropout_is_used_in_training_only(self):
        neck, features = self.build(dropout=0.9), self.features()
        assert torch.equal(neck(features)[0], neck(features)[0])
        neck.train()
        assert not torch.equal(neck(features)[0], neck(features)[0])


def key_of(name):
    """The name of the survey's tensor in our head."""
    [key] = [ours + name.removeprefix(theirs) for theirs, ours in SURVEY_NAMES if name.startswith(theirs)]
    return key


@torch.no_grad()
def test_a_head_with_aspp_equals_the_deeplab_head_of_the_survey(shared):
    folder = shared("parity/interaction")
    keys, arrays = json.loads((folder / "keys.json").read_text())["deeplab"], np.load(folder / "io.npz")
    config = dict(type="SegmentationHead", in_channels=[16], in_strides=[8], num_classes=5, decoder=dict(type="ASPP"))
    head = MODELS.build(config).double().eval()
    weights = {
        key_of(name): weight_by_rule(number, name, shape, torch.float64)
        for number, name, shape, kind, *_ in keys
        if shape
    }
    missing, unexpected = head.load_state_dict(weights, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing)
    x = torch.randn(2, 16, 24, 32, generator=torch.Generator().manual_seed(9000), dtype=torch.float64)
    for name, found in (("aspp", head.decoder.pyramid(x)), ("out", head([x]))):
        full, sample = f"deeplab|{name}|full", f"deeplab|{name}|sample"
        expected = arrays[full] if full in arrays else arrays[sample]
        found = found if full in arrays else found.flatten()[::97]
        np.testing.assert_allclose(found.numpy(), expected.reshape(found.shape), rtol=0, atol=1e-9)
