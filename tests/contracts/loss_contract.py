"""The contract of every loss, for each kind of target."""

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_plugins.registry import MODELS

from .component_contract import ComponentContract

CLASSES = 4


class LossContract(ComponentContract):
    """The tests of every loss. To test a custom loss, inherit from one of the classes below and set `config`."""

    channels: int
    size_message = "target has shape"

    def target(self, generator, n, height, width):
        """A target without void pixels."""
        raise NotImplementedError

    def void(self, target, mask):
        """The target with void where `mask` (N, 1, H, W) is true; a loss without void pixels ignores it."""
        return target

    def build(self, **options):
        return MODELS.build(self.config | options).to(self.device)

    @property
    def loss(self):
        return self.build()

    def pair(self, seed=0, n=2, height=4, width=5, void_share=0.3):
        generator = torch.Generator().manual_seed(seed)
        prediction = torch.randn(n, self.channels, height, width, generator=generator)
        target = self.target(generator, n, height, width)
        mask = torch.rand(n, 1, height, width, generator=generator) < void_share
        mask[:, :, 0, :2] = False  # some pixels are always valid
        pair = prediction, self.void(target, mask), mask
        return tuple(tensor.to(self.device) for tensor in pair)

    def value_and_gradient(self, prediction, target):
        prediction = prediction.detach().clone().requires_grad_()
        value = self.loss(prediction, target)
        value.backward()
        return value.detach(), prediction.grad

    def test_the_loss_is_a_finite_positive_scalar_with_a_gradient(self):
        value, gradient = self.value_and_gradient(*self.pair()[:2])
        assert value.shape == () and value.dtype == torch.float32
        assert value.isfinite() and value > 0
        assert gradient.isfinite().all() and gradient.abs().sum() > 0

    def test_every_valid_pixel_has_the_same_weight(self):
        """Repeating a batch does not change the mean."""
        prediction, target, _ = self.pair()
        twice = self.loss(torch.cat([prediction] * 2), torch.cat([target] * 2))
        torch.testing.assert_close(twice, self.loss(prediction, target))

    def test_loss_weight_scales_the_loss(self):
        prediction, target, _ = self.pair()
        halved = self.build(loss_weight=0.5)(prediction, target)
        torch.testing.assert_close(halved, 0.5 * self.loss(prediction, target))

    def test_name_is_set_by_the_class_or_the_config(self):
        assert self.loss.name and self.loss.name.isidentifier()
        assert self.build(name="mine").name == "mine"

    def test_half_precision_is_computed_in_float32(self):
        prediction, target, _ = self.pair()
        half = prediction.bfloat16()
        expected = self.loss(half.float(), target)
        assert torch.equal(self.loss(half, target), expected)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            assert torch.equal(self.loss(half, target), expected)

    def test_a_target_of_another_size_raises(self):
        prediction, target, _ = self.pair()
        with pytest.raises(ValueError, match=self.size_message):
            self.loss(prediction, target[..., 1:])

    def test_the_state_dict_is_empty(self):
        assert not self.loss.state_dict()

    def test_a_copy_computes_the_same(self):  # EMA copies models, workers pickle them
        prediction, target, _ = self.pair()
        for copied in (copy.deepcopy(self.loss), pickle.loads(pickle.dumps(self.loss))):
            assert torch.equal(copied(prediction, target), self.loss(prediction, target))


class OnLabels(LossContract):
    """The tests of losses whose targets have void pixels."""

    def void(self, target, mask):
        raise NotImplementedError

    def test_void_pixels_do_not_count(self):
        @given(seed=st.integers(0, 2**31), share=st.floats(0, 0.9))
        @settings(max_examples=10, deadline=None)
        def check(seed, share):  # nested, because hypothesis needs a separate function for each class
            prediction, target, mask = self.pair(seed, void_share=share)
            value, gradient = self.value_and_gradient(prediction, target)
            elsewhere = torch.where(mask, prediction * -3 + 7, prediction)
            other_value, other_gradient = self.value_and_gradient(elsewhere, target)
            assert other_value == value
            torch.testing.assert_close(other_gradient, gradient, rtol=0, atol=0)
            assert (gradient * mask == 0).all()

        check()

    def test_the_loss_is_the_mean_over_valid_pixels(self):
        """Additional rows or images of void pixels do not change the loss."""
        prediction, target, _ = self.pair()
        value = self.loss(prediction, target)
        rows = self.void(target, torch.ones_like(target[:, :1], dtype=torch.bool))
        taller = self.loss(torch.cat([prediction, prediction], 2), torch.cat([target, rows], 2))
        more = self.loss(torch.cat([prediction, prediction]), torch.cat([target, rows]))
        torch.testing.assert_close(taller, value)
        torch.testing.assert_close(more, value)

    @pytest.mark.parametrize("n", [0, 1, 3])
    def test_without_valid_pixels_loss_and_gradients_are_zero(self, n):
        generator = torch.Generator().manual_seed(0)
        prediction = torch.randn(n, self.channels, 4, 5, generator=generator).to(self.device)
        target = self.void(self.target(generator, n, 4, 5), torch.ones(n, 1, 4, 5, dtype=torch.bool)).to(self.device)
        value, gradient = self.value_and_gradient(prediction, target)
        assert value == 0 and value.shape == ()
        assert gradient.shape == prediction.shape and (gradient == 0).all()


class OnClasses(OnLabels):
    channels = CLASSES

    def target(self, generator, n, height, width):
        target = torch.randint(0, CLASSES, (n, 1, height, width), generator=generator, dtype=torch.uint8)
        target[:, :, 0, 0] = 1
        return target

    def void(self, target, mask):
        return target.masked_fill(mask, 255)

    def test_targets_may_have_a_channel_and_any_integer_type(self):
        prediction, target, _ = self.pair()
        expected = self.loss(prediction, target)
        assert torch.equal(self.loss(prediction, target[:, 0]), expected)
        assert torch.equal(self.loss(prediction, target.long()), expected)

    @pytest.mark.parametrize("found", [CLASSES, 254, -1])
    def test_an_unknown_class_id_raises(self, found):
        prediction, target, _ = self.pair()
        target = target.long()
        target[0, 0, 0, 0] = found
        with pytest.raises(ValueError, match=f"class id {found} in the target.*0 to {CLASSES - 1}"):
            self.loss(prediction, target)


class OnDepth(OnLabels):
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
    def test_values_that_are_not_finite_are_void(self, void):
        prediction, target, mask = self.pair()
        value, gradient = self.value_and_gradient(prediction, target)
        other_value, other_gradient = self.value_and_gradient(prediction, target.masked_fill(mask, void))
        assert torch.equal(other_value, value)
        torch.testing.assert_close(other_gradient, gradient, rtol=0, atol=0)

    def test_a_perfect_prediction_has_zero_loss(self):
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
