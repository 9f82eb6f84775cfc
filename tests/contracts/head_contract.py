"""The contract of every head. A subclass defines its config, its labels and the check of a prediction."""

import pytest
import torch

from mtl_plugins.kinds import find_kind
from mtl_plugins.registry import MODELS

from .component_contract import ComponentContract

FEATURES = (6, 10), (4, 8)  # channels, strides


class HeadContract(ComponentContract):
    """The tests of every head."""

    label_channels = 1
    raw_channels: int

    def label(self, n, *size):
        raise NotImplementedError

    def check_prediction(self, prediction):
        """Check the properties of a prediction (N, K, H, W)."""
        raise NotImplementedError

    def build(self, **options):
        torch.manual_seed(0)
        channels, strides = FEATURES
        return MODELS.build(dict(in_channels=channels, in_strides=strides, **self.config) | options).to(self.device)

    @pytest.fixture
    def head(self):
        return self.build()

    def features(self, n=2, size=(5, 7)):
        generator = torch.Generator().manual_seed(1)
        return [torch.randn(n, c, *size, generator=generator).to(self.device) for c in FEATURES[0]]

    def target(self, n, *size):
        return self.label(n, *size).to(self.device)

    def test_raw_outputs_have_the_size_of_the_finest_features(self, head):
        assert head(self.features()).shape == (2, self.raw_channels, 5, 7)

    @pytest.mark.parametrize("size", [(5, 7), (20, 28), (19, 26), (3, 2)])
    def test_predictions_have_the_given_size(self, head, size):
        prediction = head.predict(head(self.features()), size)
        assert prediction.shape == (2, self.label_channels, *size)
        self.check_prediction(prediction)

    def test_losses_are_scalars_by_name_with_gradients(self, head):
        losses = head.loss(head(self.features()), self.target(2, 20, 28))
        assert losses and all(name.startswith("loss_") for name in losses)
        assert all(value.ndim == 0 and value.isfinite() for value in losses.values())
        sum(losses.values()).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())

    @pytest.mark.parametrize("size", [(5, 7), (20, 28), (11, 30)])
    def test_outputs_are_resized_to_the_size_of_the_label(self, head, size):
        outputs, label = head(self.features()), self.target(2, *size)
        direct = head.loss(head.resize(outputs, size, "bilinear"), label)
        for name, value in head.loss(outputs, label).items():
            torch.testing.assert_close(value, direct[name])

    def test_batch_predictions_equal_single_image_predictions(self, head):
        features = self.features()
        together = head.predict(head(features), (20, 28))
        singly = [head.predict(head([f[i : i + 1] for f in features]), (20, 28)) for i in range(2)]
        torch.testing.assert_close(together, torch.cat(singly), rtol=1e-5, atol=1e-5)

    def test_an_empty_batch_gives_empty_predictions_and_zero_losses(self, head):
        outputs = head(self.features(n=0))
        assert head.predict(outputs, (20, 28)).shape == (0, self.label_channels, 20, 28)
        losses = head.loss(outputs, self.target(0, 20, 28))
        assert all(value == 0 for value in losses.values())

    def test_half_precision_outputs_give_float32_losses_and_predictions(self, head):
        outputs = head(self.features()).bfloat16()
        assert all(value.dtype == torch.float32 for value in head.loss(outputs, self.target(2, 20, 28)).values())
        self.check_prediction(head.predict(outputs, (20, 28)))

    def test_several_losses_are_weighted_and_named_separately(self, head):
        kind, name = type(head.losses[0]).__name__, head.losses[0].name
        several = self.build(loss=[dict(type=kind, loss_weight=0.5), dict(type=kind, loss_weight=2.0, name="again")])
        outputs, label = head(self.features()), self.target(2, 20, 28)
        losses, plain = several.loss(outputs, label), head.loss(outputs, label)[f"loss_{name}"]
        assert set(losses) == {f"loss_{name}", "loss_again"}
        torch.testing.assert_close(losses[f"loss_{name}"], 0.5 * plain)
        torch.testing.assert_close(losses["loss_again"], 2.0 * plain)

    def test_the_head_works_in_test_time_augmentation_and_as_a_teacher(self, head):
        outputs, size = head(self.features()), (20, 28)
        scores = head.scores(outputs, size)
        assert scores.is_floating_point() and scores.shape[0] == 2 and scores.shape[-2:] == size
        averaged = torch.stack([scores, head.undo_mirror(head.undo_mirror(scores))]).mean(0)
        torch.testing.assert_close(head.from_scores(averaged), head.predict(outputs, size), rtol=1e-4, atol=1e-4)
        label, _ = find_kind(head.kind).to_label(scores)
        assert label.shape == (2, self.label_channels, *size)

    def test_two_losses_of_the_same_name_raise(self, head):
        loss = dict(type=type(head.losses[0]).__name__)
        with pytest.raises(ValueError, match="the same name.*name='...'"):
            self.build(loss=[loss, loss])
