"""DeepLabV3+: neck and head separately, with other backbones, and as one network."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement, PixelData

from mtl_plugins.apis import init_model
from mtl_plugins.registry import MODELS

from ..contracts.head_contract import HeadContract
from ..contracts.neck_contract import NeckContract


def neck_of(channels=(3, 5), strides=(2, 8), **options):
    torch.manual_seed(0)
    sizes = dict(channels=8, fine_channels=3, dilations=(2, 3))
    return MODELS.build(
        dict(type="DeepLabV3Plus", in_channels=channels, in_strides=strides, **{**sizes, **options})
    ).eval()


def features_of(channels=(3, 5), strides=(2, 8), size=(33, 42), n=2):
    """Random features as from a backbone, for an image of `size`."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(n, c, *(-(-pixels // s) for pixels in size)) for c, s in zip(channels, strides, strict=True)]
    return [torch.randn(shape, generator=generator) for shape in shapes]


class TestDeepLabV3Plus(NeckContract):
    config = dict(type="DeepLabV3Plus", channels=8, fine_channels=3, dilations=(2, 3))
    strides, most_stages = (2, 4, 8, 16), 4

    def check(self, neck, strides):
        assert neck.out_channels == (11,) and neck.out_strides == (strides[0],)

    @torch.no_grad()
    def test_output_equals_the_formula(self):
        neck, (fine, coarse) = neck_of(), features_of()

        def branch(module, x, **options):
            conv, norm = module[0], module[1]
            x = F.conv2d(x, conv.weight, **options)
            return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias).clamp(min=0)

        for norm in [module for module in neck.modules() if isinstance(module, torch.nn.BatchNorm2d)]:
            for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                values.uniform_(0.5, 1.5)
        pyramid = [
            branch(neck.pooled, F.adaptive_avg_pool2d(coarse, 1)) * torch.ones_like(coarse[:, :1]),
            branch(neck.branches[0], coarse),
            branch(neck.branches[1], coarse, padding=2, dilation=2),
            branch(neck.branches[2], coarse, padding=3, dilation=3),
        ]
        projections = neck.project.weight[:, :, 0, 0].split(8, dim=1)
        top = sum(torch.einsum("oi,nihw->nohw", *pair) for pair in zip(projections, pyramid, strict=True))
        top = F.interpolate(top, fine.shape[2:], mode="bilinear", align_corners=True)
        bottom = torch.einsum("oi,nihw->nohw", neck.fine.weight[:, :, 0, 0], fine)
        torch.testing.assert_close(neck([fine, coarse])[0], torch.cat([bottom, top], 1), rtol=1e-4, atol=1e-5)

    def test_dilations_equal_the_published_ones(self):
        with torch.device("meta"):
            neck = MODELS.build(dict(type="DeepLabV3Plus", in_channels=(128, 4096), in_strides=(2, 8)))
        assert [branch[0].dilation[0] for branch in neck.branches] == [1, 12, 24, 36]
        assert neck.out_channels == (304,) and neck.out_strides == (2,)

    def test_intermediate_features_are_not_used(self):
        neck, features = neck_of((3, 4, 5), (2, 4, 8)), features_of((3, 4, 5), (2, 4, 8))
        assert torch.equal(neck(features)[0], neck([features[0], features[0] * torch.nan, features[2]])[0])

    def test_training_with_a_batch_of_one_raises(self):
        neck, features = neck_of().train(), features_of(n=1)
        with pytest.raises(ValueError, match="batch of one image.*batch_size=2"):
            neck(features)
        neck.pooled.eval()  # frozen batch norm
        assert neck(features)[0].isfinite().all()


class TestDeepLabV3PlusHead(HeadContract):
    config = dict(type="DeepLabV3PlusHead", num_classes=5, channels=7)
    raw_channels = 5

    @pytest.fixture
    def head(self):
        return self.build().eval()  # in training mode, batch norm makes a prediction depend on the batch

    def label(self, n, *size):
        label = torch.randint(0, 5, (n, 1, *size), dtype=torch.uint8)
        label[..., :1] = 255
        return label

    def check_prediction(self, prediction):
        assert prediction.dtype == torch.uint8 and prediction.max() < 5

    def test_gradients_are_finite_with_batch_norm_in_training_mode(self, head):
        losses = head.train().loss(head(self.features()), self.target(2, 20, 28))
        sum(losses.values()).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())

    def test_resizing_aligns_corners(self, head):
        outputs = head(self.features())
        resized = head.resize(outputs, (20, 28))
        corners = (..., [0, 0, -1, -1], [0, -1, 0, -1])
        torch.testing.assert_close(resized[corners], outputs[corners])
        # linear in between: a ramp stays a ramp
        ramp = torch.linspace(0, 1, 7, device=self.device).expand(1, 1, 5, 7)
        expected = torch.linspace(0, 1, 28, device=self.device).expand(1, 1, 9, 28)
        torch.testing.assert_close(head.resize(ramp, (9, 28)), expected)

    def test_the_prediction_is_the_argmax_of_the_resized_logits(self, head):
        outputs = head(self.features())
        expected = F.interpolate(outputs, (20, 28), mode="bilinear", align_corners=True).argmax(1, keepdim=True)
        assert torch.equal(head.predict(outputs, (20, 28)), expected.to(torch.uint8))


# the network

NARROW = {"model.backbone.width": 1, "model.neck.channels": 8, "model.heads.semseg.channels": 8}  # of the preset


@pytest.fixture(scope="module")
def narrow_model(root):
    torch.manual_seed(0)
    return init_model(root / "configs" / "teachers" / "wrn38_cityscapes.py", cfg_options=NARROW)


@pytest.fixture
def narrow(narrow_model):
    return copy.deepcopy(narrow_model)


def sample(size):
    label = torch.randint(0, 19, (1, *size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return BaseDataElement(metainfo=dict(img_shape=size, ori_shape=size), gt=PixelData(semseg=label))


@torch.no_grad()
def test_the_network_accepts_odd_kitti_sizes(narrow):
    size = (370, 1226)
    inputs = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    logits = narrow(inputs)["semseg"]
    assert logits.shape == (1, 19, 185, 613)
    [prediction] = narrow(inputs, [sample(size)], mode="predict")
    resized = F.interpolate(logits, size, mode="bilinear", align_corners=True)
    assert torch.equal(prediction.pred.semseg, resized[0].argmax(0, keepdim=True).to(torch.uint8))


def test_the_network_is_channels_last_and_every_parameter_gets_a_gradient(narrow):
    big = [p for p in narrow.parameters() if p.ndim == 4 and p.shape[2] > 1 and p.shape[1] > 1]
    assert big and all(p.is_contiguous(memory_format=torch.channels_last) for p in big)
    inputs = torch.randn(2, 3, 33, 48, generator=torch.Generator().manual_seed(0))
    narrow.train()
    total, _ = narrow.parse_losses(narrow(inputs, [sample((33, 48))] * 2, mode="loss"))
    total.backward()
    assert total.isfinite()
    assert [name for name, p in narrow.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@pytest.mark.parametrize(
    "backbone, neck",
    [
        (dict(type="TimmBackbone", model_name="test_resnet", output_stride=8), dict(type="DeepLabV3Plus", channels=8)),
        (dict(type="ResNet38", width=1), dict(type="LightWeightRefineNet", channels=8)),
    ],
)
def test_neck_and_head_work_with_other_parts(backbone, neck):
    heads = dict(semseg=dict(type="DeepLabV3PlusHead", num_classes=19, channels=8), normals=dict(type="NormalsHead"))
    model = MODELS.build(dict(type="MultiTaskModel", backbone=backbone, neck=neck, heads=heads))
    inputs = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    outputs, stride = model(inputs), model.neck.out_strides[0]
    assert outputs["semseg"].shape == (2, 19, 32 // stride, 48 // stride)
    assert outputs["normals"].shape == (2, 3, 32 // stride, 48 // stride)
    losses = model(inputs, [sample((32, 48))] * 2, mode="loss")
    assert 0.5 < losses["semseg.loss_ce"] / math.log(19) < 2  # untrained: about as good as guessing
    total, _ = model.parse_losses(losses)
    total.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert all(part.any() for part in (next(model.backbone.parameters()).grad, next(model.neck.parameters()).grad))
