"""The losses: each fulfils the contract, and has specific properties."""

import pytest
import torch

from mtl_plugins.models.heads import SegmentationHead
from mtl_plugins.models.losses import CrossEntropyLoss, DenseLoss
from mtl_plugins.registry import MODELS

from ..contracts.loss_contract import CLASSES, LossContract, OnClasses, OnDepth, OnNormals


class TestCrossEntropy(OnClasses):
    config = dict(type="CrossEntropyLoss")


class TestWeightedSmoothedCrossEntropy(OnClasses):
    config = dict(type="CrossEntropyLoss", class_weight=[0.5, 1.0, 2.0, 3.0], label_smoothing=0.1)

    def test_class_weight_must_fit_the_classes(self):
        loss = MODELS.build(dict(type="CrossEntropyLoss", class_weight=[1.0, 2.0]))
        with pytest.raises(ValueError, match="class_weight has 2 values"):
            loss(*self.pair()[:2])


class TestDice(OnClasses):
    config = dict(type="DiceLoss")


class TestFocal(OnClasses):
    config = dict(type="FocalLoss")


class TestFocalWithAlpha(OnClasses):
    config = dict(type="FocalLoss", gamma=1.0, alpha=0.25)


class TestLovasz(OnClasses):
    config = dict(type="LovaszLoss")


class TestKLDivergence(LossContract):
    """The target contains the logits of a teacher for every pixel."""

    config = dict(type="KLDivergenceLoss", temperature=2.0)
    channels = CLASSES
    size_message = "the teacher's logits have shape"

    def target(self, generator, n, height, width):
        return 2 * torch.randn(n, CLASSES, height, width, generator=generator)

    def test_the_loss_of_the_teachers_logits_is_zero(self):
        _, target, _ = self.pair()
        value, gradient = self.value_and_gradient(target, target)
        assert value.item() == pytest.approx(0, abs=1e-6) and gradient.abs().max() < 1e-6


class TestInverseHuber(OnDepth):
    config = dict(type="InverseHuberLoss")


class TestL1OnDepth(OnDepth):
    config = dict(type="L1Loss")


class TestScaleInvariantLog(OnDepth):
    config = dict(type="ScaleInvariantLogLoss")


class TestCosine(OnNormals):
    config = dict(type="CosineLoss")


class TestL1OnNormals(OnNormals):
    config = dict(type="L1Loss")


class TestBinaryCrossEntropy(OnDepth):
    config = dict(type="BinaryCrossEntropyLoss", pos_weight=2.0)
    void_value = 255.0

    def target(self, generator, n, height, width):
        return torch.rand(n, 1, height, width, generator=generator).round()

    def pair(self, *args, **kwargs):
        return LossContract.pair(self, *args, **kwargs)

    def test_a_perfect_prediction_has_zero_loss(self):
        _, target, _ = self.pair()
        assert self.loss((target - 0.5) * 100, target).item() == pytest.approx(0, abs=1e-6)


class TestBalancedBCE(TestBinaryCrossEntropy):
    config = dict(type="BalancedBCELoss")

    def test_positives_and_negatives_have_their_weights(self):
        prediction, target, _ = self.pair(void_share=0)
        plain = MODELS.build(dict(type="BinaryCrossEntropyLoss"))
        positive = plain(prediction, torch.where(target == 1, target, 255.0)) * (target == 1).float().mean()
        negative = plain(prediction, torch.where(target == 0, target, 255.0)) * (target == 0).float().mean()
        torch.testing.assert_close(self.build(positive_weight=0.8)(prediction, target), 0.8 * positive + 0.2 * negative)
        share = (target == 0).float().mean()
        expected = share * positive + (1 - share) * negative
        torch.testing.assert_close(self.build(positive_weight=None)(prediction, target), expected)

    def test_void_pixels_make_the_loss_of_the_papers_smaller(self):
        prediction, target, mask = self.pair()
        of_papers, mean = self.build(normalisation="all"), self.build()
        share = 1 - mask.float().mean()
        torch.testing.assert_close(of_papers(prediction, target), share * mean(prediction, target))

    def test_masks_are_targets(self):
        prediction, target, _ = self.pair()
        assert torch.equal(self.loss(prediction, target.to(torch.uint8)), self.loss(prediction, target))


class TestBalancedBCEOfHED(TestBinaryCrossEntropy):
    config = dict(type="BalancedBCELoss", positive_weight=None)


def test_losses_disable_autocast():
    class Product(DenseLoss):
        name = "product"

        def compute(self, prediction, target):
            return (prediction.flatten(1) @ target.flatten(1).T).sum()

    prediction, target = torch.rand(2, 1, 9, 9), torch.rand(2, 1, 9, 9)
    expected = Product().compute(prediction, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(Product()(prediction, target), expected)


def test_lovasz_per_image_ignores_images_without_valid_pixels():
    loss = MODELS.build(dict(type="LovaszLoss", per_image=True))
    prediction = torch.randn(2, 3, 4, 4)
    target = torch.randint(0, 3, (2, 1, 4, 4))
    target[1] = 255
    assert torch.equal(loss(prediction, target), loss(prediction[:1], target[:1]))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (dict(type="InverseHuberLoss", threshold=0), "threshold"),
        (dict(type="ScaleInvariantLogLoss", variance_focus=2), "variance_focus"),
        (dict(type="ScaleInvariantLogLoss", eps=0), "eps"),
        (dict(type="BalancedBCELoss", positive_weight=1.0), "between 0 and 1"),
        (dict(type="BalancedBCELoss", normalisation="pixels"), "'valid' and 'all'"),
    ],
)
def test_settings_out_of_range_raise(config, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)


def test_kl_divergence_of_one_channel_raises():
    with pytest.raises(ValueError, match="one channel: use dict"):
        MODELS.build(dict(type="KLDivergenceLoss"))(torch.rand(2, 1, 4, 4), torch.rand(2, 1, 4, 4))


def test_resizing_within_the_loss_equals_resizing_before_it():
    torch.manual_seed(0)
    loss = MODELS.build(dict(type="CrossEntropyLoss", class_weight=[1, 2, 3, 4], label_smoothing=0.1, loss_weight=3.0))
    prediction, target = torch.randn(2, 4, 5, 6), torch.randint(0, 4, (2, 1, 20, 24))
    resized = torch.nn.functional.interpolate(prediction, (20, 24), mode="bilinear", align_corners=False)
    torch.testing.assert_close(loss(prediction, target, resize=True), loss(resized, target))


@pytest.mark.parametrize("method", ["compute", "forward"])
def test_an_overridden_loss_is_called_without_resize(method):
    derived = type("Derived", (CrossEntropyLoss,), {method: lambda self, prediction, target: prediction.sum() * 0 + 42})
    mixin = type("Mixin", (), {method: lambda self, prediction, target: prediction.sum() * 0 + 42})
    patched = CrossEntropyLoss()
    setattr(patched, method, lambda prediction, target: prediction.sum() * 0 + 42)
    head = SegmentationHead((16,), (4,), num_classes=4)
    for loss in (derived(), type("Mixed", (mixin, CrossEntropyLoss), {})(), patched):
        head.losses = torch.nn.ModuleList([loss])
        assert head.loss(torch.randn(1, 4, 3, 3), torch.zeros(1, 1, 12, 12, dtype=torch.long))["loss_ce"] == 42
    assert CrossEntropyLoss().resizes and type("Named", (CrossEntropyLoss,), {"name": "other"})().resizes


def test_l1_of_unit_vectors_does_not_depend_on_the_length_of_the_prediction():
    prediction, target = torch.randn(2, 3, 4, 5), torch.nn.functional.normalize(torch.randn(2, 3, 4, 5), dim=1)
    loss = MODELS.build(dict(type="L1Loss", unit_vectors=True))
    expected = MODELS.build(dict(type="L1Loss"))(torch.nn.functional.normalize(prediction, dim=1), target)
    torch.testing.assert_close(loss(7 * prediction, target), expected)


class PanopticContract(LossContract):
    """Ids of segments; the raw output has three more channels than classes."""

    channels = CLASSES + 3

    def target(self, generator, n, height, width):
        classes = torch.randint(0, CLASSES, (n, 1, height, width), generator=generator)
        classes[:, :, 0, :2] = 1
        return classes * 1000 + (classes > 0)

    def void(self, target, mask):
        return target.masked_fill(mask, 255)


class TestSegmentClass(PanopticContract):
    config = dict(type="SegmentClassLoss")


class TestCentre(PanopticContract):
    config = dict(type="CentreLoss")

    def test_sigma_must_be_positive(self):
        with pytest.raises(ValueError, match="sigma must be above 0"):
            self.build(sigma=0.0)


class TestOffset(PanopticContract):
    config = dict(type="OffsetLoss")
