"""`InferenceNetwork` gives the outputs of its model, channel-blocked or not."""

import pytest
import torch
from torch import nn

from mtl_plugins.models import InferenceNetwork
from mtl_plugins.models.finest_stage import FinestStage
from mtl_plugins.models.heads import DenseHead
from mtl_plugins.registry import MODELS

HEADS = dict(semseg=dict(type="SegmentationHead", num_classes=5), depth=dict(type="DepthHead"))


def build(channels=64, heads=HEADS, out_features=None, **neck):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type="MultiTaskModel",
            backbone=dict(type="TimmBackbone", model_name="mobilenetv2_hydranet", out_features=out_features),
            neck=dict(type="LightWeightRefineNet", channels=channels, **neck),
            heads=heads,
        )
    )
    for module in model.modules():  # with its initial depthwise weights all outputs would be nearly equal
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return model.eval()


def close(given, wanted):
    torch.testing.assert_close(given, wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.parametrize("channel_blocked", [True, False, None])
@pytest.mark.parametrize("size", [(64, 96), (65, 101)])
def test_outputs_equal_those_of_the_model(channel_blocked, size):
    model, images = build(), torch.randn(2, 3, *size)
    network = InferenceNetwork(model, channel_blocked=channel_blocked)
    assert (network.finest is None) == (channel_blocked is False)
    with torch.no_grad():
        for given, wanted in zip(network(images).values(), model(images).values(), strict=True):
            close(given, wanted)


def test_float64_outputs_agree_to_rounding():
    """Only the order of a sum differs."""
    model, images = build().double(), torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        for given, wanted in zip(InferenceNetwork(model)(images).values(), model(images).values(), strict=True):
            torch.testing.assert_close(given, wanted, rtol=1e-12, atol=1e-12 * float(wanted.abs().max()))


def test_tasks_are_computed_in_the_requested_order_and_no_others():
    model, images = build(), torch.randn(1, 3, 32, 64)
    network = InferenceNetwork(model, ["depth"])
    calls = []
    network.model.backbone.register_forward_hook(lambda *_: calls.append("backbone"))
    with torch.no_grad():
        [depth] = network(images).values()
        close(depth, model(images)["depth"])
        swapped = InferenceNetwork(model, ["depth", "semseg"])(images)
    assert [(task, tensor.shape[1]) for task, tensor in swapped.items()] == [("depth", 1), ("semseg", 5)]
    assert set(network.model.heads) == {"depth"} and calls == ["backbone"]
    assert set(model.heads) == {"semseg", "depth"}  # the model is not modified
    with pytest.raises(ValueError, match="no task normals: choose from semseg, depth"):
        InferenceNetwork(model, ["normals"])
    with pytest.raises(ValueError, match="tasks is empty: choose from"):
        InferenceNetwork(model, [])


def test_an_end_to_end_network_maps_uint8_images_to_predictions():
    model = build()
    images = torch.randint(256, (2, 3, 48, 64), dtype=torch.uint8)
    kept = images.clone()
    with torch.no_grad():
        semseg, depth = InferenceNetwork(model, end_to_end=True)(images).values()
        maps = model.predict_maps(model.data_preprocessor.normalise(images), (48, 64))
    assert semseg.dtype == torch.uint8 and semseg.shape == depth.shape == (2, 1, 48, 64)
    assert (semseg == maps["semseg"]).float().mean() > 0.999
    close(depth, maps["depth"])
    assert torch.equal(images, kept)


def test_an_end_to_end_network_for_several_datasets_needs_a_dataset():
    heads = dict(
        semseg=dict(type="SegmentationHead", num_classes=5, ranges=dict(a=(0, 3), b=(3, 5))),
        depth=dict(type="DepthHead", scales=dict(a=1, b=8)),
    )
    model, images = build(heads=heads), torch.randint(256, (1, 3, 32, 64), dtype=torch.uint8)
    with torch.no_grad():
        of_a = InferenceNetwork(model, end_to_end=True, dataset="a")(images)
        of_b = InferenceNetwork(model, end_to_end=True, dataset="b")(images)
    torch.testing.assert_close(8 * of_a["depth"], of_b["depth"])
    assert int(of_b["semseg"].max()) <= 1
    with pytest.raises(ValueError, match="the image does not state its dataset"):
        InferenceNetwork(model, end_to_end=True)(images)


class CustomHead(DenseHead):
    def forward(self, features):
        return super().forward(features) + 1


@pytest.mark.parametrize(
    "change",
    [
        dict(channels=16),
        dict(channels=80),
        dict(depthwise_finest=False),
        dict(heads=dict(depth=dict(type=CustomHead, out_channels=2))),
    ],
    ids=str,
)
def test_an_unsupported_network_is_not_channel_blocked(change):
    model = build(**change)
    assert not FinestStage.fits(model)
    images, network = torch.randn(1, 3, 32, 64), InferenceNetwork(model, channel_blocked=True)
    with torch.no_grad():
        assert torch.equal(next(iter(network(images).values())), next(iter(model(images).values())))


def test_a_neck_with_a_single_stride_is_supported():
    model, images = build(out_features=[1]), torch.randn(1, 3, 32, 64)
    assert len(model.neck.groups) == 1 and FinestStage.fits(model)
    with torch.no_grad():
        close(InferenceNetwork(model)(images)["semseg"], model(images)["semseg"])
