"""The contract of every loss (``LossContract``, inherited below), then what is peculiar to some."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_plugins.models.heads import SegmentationHead
from mtl_plugins.models.losses import CrossEntropyLoss, DenseLoss
from mtl_plugins.registry import MODELS

CLASSES = 4


class LossContract:
    """To test a loss of your own: inherit from one of the kinds of target below and set ``config``."""

    config: dict
    channels: int

    def target(self, generator, n, height, width):
        """A target without void pixels."""
        raise NotImplementedError

    def void(self, target, mask):
        """The target with void where ``mask`` (N, 1, H, W)."""
        raise NotImplementedError

    @property
    def loss(self):
        return MODELS.build(dict(self.config))

    def pair(self, seed=0, n=2, height=4, width=5, void_share=0.3):
        generator = torch.Generator().manual_seed(seed)
        prediction = torch.randn(n, self.channels, height, width, generator=generator)
        target = self.target(generator, n, height, width)
        mask = torch.rand(n, 1, height, width, generator=generator) < void_share
        mask[:, :, 0, :2] = False  # something is valid
        return prediction, self.void(target, mask), mask

    def value_and_gradient(self, prediction, target):
        prediction = prediction.detach().clone().requires_grad_()
        value = self.loss(prediction, target)
        value.backward()
        return value.detach(), prediction.grad

    def test_is_a_finite_positive_scalar_with_a_gradient(self):
        value, gradient = self.value_and_gradient(*self.pair()[:2])
        assert value.shape == () and value.dtype == torch.float32
        assert value.isfinite() and value > 0
        assert gradient.isfinite().all() and gradient.abs().sum() > 0

    def test_void_pixels_change_nothing(self):
        @given(seed=st.integers(0, 2**31), share=st.floats(0, 0.9))
        @settings(max_examples=10, deadline=None)
        def check(seed, share):  # within: hypothesis wants a test function of its own for each class
            prediction, target, mask = self.pair(seed, void_share=share)
            value, gradient = self.value_and_gradient(prediction, target)
            elsewhere = torch.where(mask, prediction * -3 + 7, prediction)
            other_value, other_gradient = self.value_and_gradient(elsewhere, target)
            assert other_value == value
            torch.testing.assert_close(other_gradient, gradient, rtol=0, atol=0)
            assert (gradient * mask == 0).all()

        check()

    def test_is_a_mean_over_valid_pixels_only(self):
        """Rows of void below, or an image of void beside, leave the loss as it is."""
        prediction, target, _ = self.pair()
        value = self.loss(prediction, target)
        rows = self.void(target, torch.ones_like(target[:, :1], dtype=torch.bool))
        taller = self.loss(torch.cat([prediction, prediction], 2), torch.cat([target, rows], 2))
        more = self.loss(torch.cat([prediction, prediction]), torch.cat([target, rows]))
        torch.testing.assert_close(taller, value)
        torch.testing.assert_close(more, value)

    def test_each_valid_pixel_counts_the_same(self):
        """Twice the same batch is the same mean."""
        prediction, target, _ = self.pair()
        twice = self.loss(torch.cat([prediction] * 2), torch.cat([target] * 2))
        torch.testing.assert_close(twice, self.loss(prediction, target))

    @pytest.mark.parametrize("n", [0, 1, 3])
    def test_without_a_valid_pixel_it_is_zero_with_zero_gradients(self, n):
        prediction = torch.randn(n, self.channels, 4, 5)
        target = self.target(torch.Generator().manual_seed(0), n, 4, 5)
        target = self.void(target, torch.ones(n, 1, 4, 5, dtype=torch.bool))
        value, gradient = self.value_and_gradient(prediction, target)
        assert value == 0 and value.shape == ()
        assert gradient.shape == prediction.shape and (gradient == 0).all()

    def test_loss_weight_multiplies(self):
        prediction, target, _ = self.pair()
        halved = MODELS.build(dict(self.config, loss_weight=0.5))(prediction, target)
        torch.testing.assert_close(halved, 0.5 * self.loss(prediction, target))

    def test_name_is_set_by_the_class_or_the_config(self):
        assert self.loss.name and self.loss.name.isidentifier()
        assert MODELS.build(dict(self.config, name="mine")).name == "mine"

    def test_computes_in_float32_whatever_comes(self):
        prediction, target, _ = self.pair()
        half = prediction.bfloat16()
        expected = self.loss(half.float(), target)
        assert torch.equal(self.loss(half, target), expected)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(self.loss(half, target), expected)

    def test_a_target_of_another_size_is_refused(self):
        prediction, target, _ = self.pair()
        with pytest.raises(ValueError, match="target has shape"):
            self.loss(prediction, target[..., 1:])

    def test_has_nothing_in_the_checkpoint(self):
        assert not self.loss.state_dict()
        copy.deepcopy(self.loss)  # EMA copies models


class OnClasses(LossContract):
    channels = CLASSES

    def target(self, generator, n, height, width):
        target = torch.randint(0, CLASSES, (n, 1, height, width), generator=generator, dtype=torch.uint8)
        target[:, :, 0, 0] = 1
        return target

    def void(self, target, mask):
        return target.masked_fill(mask, 255)

    def test_takes_targets_with_and_without_channel_of_any_integer(self):
        prediction, target, _ = self.pair()
        expected = self.loss(prediction, target)
        assert torch.equal(self.loss(prediction, target[:, 0]), expected)
        assert torch.equal(self.loss(prediction, target.long()), expected)

    @pytest.mark.parametrize("found", [CLASSES, 254, -1])
    def test_an_unknown_class_id_is_refused(self, found):
        prediction, target, _ = self.pair()
        target = target.long()
        target[0, 0, 0, 0] = found
        with pytest.raises(ValueError, match=f"class id {found} in the target.*0 to {CLASSES - 1}"):
            self.loss(prediction, target)


class OnDepth(LossContract):
    channels = 1
    void_value = 0.0

    def target(self, generator, n, height, width):
        return torch.rand(n, 1, height, width, generator=generator) * 9 + 0.5

    def void(self, target, mask):
        return target.masked_fill(mask, self.void_value)

    def pair(self, *args, **kwargs):
        prediction, target, mask = super().pair(*args, **kwargs)
        return prediction.abs() + 0.1, target, mask

    @pytest.mark.parametrize("void", [float("nan"), float("inf"), -float("inf")])
    def test_what_is_not_finite_is_void(self, void):
        prediction, target, mask = self.pair()
        value, gradient = self.value_and_gradient(prediction, target)
        other_value, other_gradient = self.value_and_gradient(prediction, target.masked_fill(mask, void))
        assert torch.equal(other_value, value)
        torch.testing.assert_close(other_gradient, gradient, rtol=0, atol=0)

    def test_a_perfect_prediction_costs_nothing(self):
        _, target, _ = self.pair()
        value, gradient = self.value_and_gradient(target, target)
        assert value.item() == pytest.approx(0, abs=1e-6)
        assert gradient.isfinite().all()


class OnNormals(OnDepth):
    channels = 3

    def target(self, generator, n, height, width):
        return torch.nn.functional.normalize(torch.randn(n, 3, height, width, generator=generator), dim=1)

    def pair(self, *args, **kwargs):
        return LossContract.pair(self, *args, **kwargs)

    def test_a_prediction_of_zero_has_finite_gradients(self):
        prediction, target, _ = self.pair()
        value, gradient = self.value_and_gradient(prediction * 0, target)
        assert value.isfinite() and gradient.isfinite().all()


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

    def test_a_perfect_prediction_costs_nothing(self):
        _, target, _ = self.pair()
        assert self.loss((target - 0.5) * 100, target).item() == pytest.approx(0, abs=1e-6)


def test_autocast_is_off_within():
    class Product(DenseLoss):
        name = "product"

        def compute(self, prediction, target):
            return (prediction.flatten(1) @ target.flatten(1).T).sum()

    prediction, target = torch.rand(2, 1, 9, 9), torch.rand(2, 1, 9, 9)
    expected = Product().compute(prediction, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(Product()(prediction, target), expected)


def test_lovasz_per_image_passes_over_images_of_void():
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
    ],
)
def test_settings_out_of_range_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)


def test_one_channel_has_no_class_probabilities():
    with pytest.raises(ValueError, match="one channel: take dict"):
        MODELS.build(dict(type="KLDivergenceLoss"))(torch.rand(2, 1, 4, 4), torch.rand(2, 1, 4, 4))


def test_a_loss_that_resizes_by_itself_gives_what_it_gives_of_the_resized():
    torch.manual_seed(0)
    loss = MODELS.build(dict(type="CrossEntropyLoss", class_weight=[1, 2, 3, 4], label_smoothing=0.1, loss_weight=3.0))
    prediction, target = torch.randn(2, 4, 5, 6), torch.randint(0, 4, (2, 1, 20, 24))
    resized = torch.nn.functional.interpolate(prediction, (20, 24), mode="bilinear", align_corners=False)
    torch.testing.assert_close(loss(prediction, target, resize=True), loss(resized, target))


@pytest.mark.parametrize("method", ["compute", "forward"])
def test_a_loss_that_derives_from_one_that_resizes_is_asked_as_it_is(method):
    derived = type("Derived", (CrossEntropyLoss,), {method: lambda self, prediction, target: prediction.sum() * 0 + 42})
    mixin = type("Mixin", (), {method: lambda self, prediction, target: prediction.sum() * 0 + 42})
    patched = CrossEntropyLoss()
    setattr(patched, method, lambda prediction, target: prediction.sum() * 0 + 42)
    head = SegmentationHead((16,), (4,), num_classes=4)
    for loss in (derived(), type("Mixed", (mixin, CrossEntropyLoss), {})(), patched):
        head.losses = torch.nn.ModuleList([loss])
        assert head.loss(torch.randn(1, 4, 3, 3), torch.zeros(1, 1, 12, 12, dtype=torch.long))["loss_ce"] == 42
    assert CrossEntropyLoss().resizes and type("Named", (CrossEntropyLoss,), {"name": "other"})().resizes
