"""The contract of a head, inherited by each: a subclass names its config, its labels and what an answer is."""

import pytest
import torch

from mtl_plugins.registry import MODELS

FEATURES = (6, 10), (4, 8)  # channels, strides


class HeadContract:
    """What every head holds to."""

    config: dict
    label_channels = 1
    raw_channels: int

    def label(self, n, *size):
        raise NotImplementedError

    def check_answer(self, answer):
        """The properties of a prediction (N, K, H, W) of its kind."""
        raise NotImplementedError

    @pytest.fixture
    def head(self):
        torch.manual_seed(0)
        channels, strides = FEATURES
        return MODELS.build(dict(in_channels=channels, in_strides=strides, **self.config))

    def features(self, n=2, size=(5, 7)):
        generator = torch.Generator().manual_seed(1)
        return [torch.randn(n, c, *size, generator=generator) for c in FEATURES[0]]

    def test_raw_outputs_have_the_size_of_the_finest_features(self, head):
        assert head(self.features()).shape == (2, self.raw_channels, 5, 7)

    @pytest.mark.parametrize("size", [(5, 7), (20, 28), (19, 26), (3, 2)])
    def test_answers_have_the_size_that_is_asked_for(self, head, size):
        answer = head.predict(head(self.features()), size)
        assert answer.shape == (2, self.label_channels, *size)
        self.check_answer(answer)

    def test_losses_are_scalars_by_name_with_gradients(self, head):
        losses = head.loss(head(self.features()), self.label(2, 20, 28))
        assert losses and all(name.startswith("loss_") for name in losses)
        assert all(value.ndim == 0 and value.isfinite() for value in losses.values())
        sum(losses.values()).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())

    @pytest.mark.parametrize("size", [(5, 7), (20, 28), (11, 30)])
    def test_outputs_are_resized_to_the_label_and_not_the_other_way(self, head, size):
        outputs, label = head(self.features()), self.label(2, *size)
        direct = head.loss(head.resize(outputs, size, "bilinear"), label)
        for name, value in head.loss(outputs, label).items():
            torch.testing.assert_close(value, direct[name])

    def test_a_batch_answers_what_its_samples_do(self, head):
        features = self.features()
        together = head.predict(head(features), (20, 28))
        alone = [head.predict(head([f[i : i + 1] for f in features]), (20, 28)) for i in range(2)]
        torch.testing.assert_close(together, torch.cat(alone), rtol=1e-5, atol=1e-5)

    def test_no_samples_are_no_trouble(self, head):
        outputs = head(self.features(n=0))
        assert head.predict(outputs, (20, 28)).shape == (0, self.label_channels, 20, 28)
        losses = head.loss(outputs, self.label(0, 20, 28))
        assert all(value == 0 for value in losses.values())

    def test_half_precision_outputs_give_float32_losses_and_answers(self, head):
        outputs = head(self.features()).bfloat16()
        assert all(value.dtype == torch.float32 for value in head.loss(outputs, self.label(2, 20, 28)).values())
        self.check_answer(head.predict(outputs, (20, 28)))

    def with_losses(self, *losses):
        torch.manual_seed(0)
        config = {**self.config, "in_channels": FEATURES[0], "in_strides": FEATURES[1], "loss": list(losses)}
        return MODELS.build(config)

    def test_several_weighted_losses_stand_apart(self, head):
        kind, name = type(head.losses[0]).__name__, head.losses[0].name
        several = self.with_losses(dict(type=kind, loss_weight=0.5), dict(type=kind, loss_weight=2.0, name="again"))
        outputs, label = head(self.features()), self.label(2, 20, 28)
        losses, plain = several.loss(outputs, label), head.loss(outputs, label)[f"loss_{name}"]
        assert set(losses) == {f"loss_{name}", "loss_again"}
        torch.testing.assert_close(losses[f"loss_{name}"], 0.5 * plain)
        torch.testing.assert_close(losses["loss_again"], 2.0 * plain)

    def test_two_losses_of_one_name_are_told(self, head):
        loss = dict(type=type(head.losses[0]).__name__)
        with pytest.raises(ValueError, match="share a name.*name='...'"):
            self.with_losses(loss, loss)


class TestSegmentationHead(HeadContract):
    config = dict(type="SegmentationHead", num_classes=5)
    raw_channels = 5

    def label(self, n, *size):
        label = torch.randint(0, 5, (n, 1, *size), dtype=torch.uint8)
        label[..., :1] = 255
        return label

    def check_answer(self, answer):
        assert answer.dtype == torch.uint8 and answer.max() < 5

    def test_the_answer_is_the_class_of_the_highest_logit(self, head):
        outputs = head(self.features())
        assert torch.equal(head.predict(outputs, (5, 7)), outputs.argmax(1, keepdim=True).to(torch.uint8))

    @pytest.mark.parametrize("num_classes, dtype", [(255, torch.uint8), (300, torch.int64)])
    def test_ids_beyond_a_byte_stay_whole(self, num_classes, dtype):
        config = dict(type="SegmentationHead", num_classes=num_classes, in_channels=(6,), in_strides=(4,))
        head = MODELS.build(config)
        outputs = torch.zeros(1, num_classes, 2, 2)
        outputs[:, -1] = 1
        answer = head.predict(outputs, (2, 2))
        assert answer.dtype == dtype and (answer == num_classes - 1).all()


class TestDepthHead(HeadContract):
    config = dict(type="DepthHead")
    raw_channels = 1

    def label(self, n, *size):
        label = torch.rand(n, 1, *size) * 5
        label[..., :1] = 0
        return label

    def check_answer(self, answer):
        assert answer.dtype == torch.float32 and (answer >= 0).all()

    def test_the_answer_is_the_absolute_value(self, head):
        outputs = torch.tensor([[[[-2.0, 3.0]]]])
        assert torch.equal(head.predict(outputs, (1, 2)), torch.tensor([[[[2.0, 3.0]]]]))


class TestNormalsHead(HeadContract):
    config = dict(type="NormalsHead")
    raw_channels = label_channels = 3

    def label(self, n, *size):
        label = torch.nn.functional.normalize(torch.randn(n, 3, *size), dim=1)
        label[..., :1] = 0
        return label

    def check_answer(self, answer):
        assert answer.dtype == torch.float32
        torch.testing.assert_close(answer.norm(dim=1), torch.ones_like(answer[:, 0]))


class TestDenseHead(HeadContract):
    """The base itself, as a map of three numbers."""

    config = dict(type="DenseHead", out_channels=3, loss=dict(type="L1Loss"))
    raw_channels = label_channels = 3

    def label(self, n, *size):
        return torch.rand(n, 3, *size) + 0.1

    def check_answer(self, answer):
        assert answer.dtype == torch.float32 and answer.isfinite().all()
