"""Heads with one label per image: they fulfil the contract of heads without that of maps."""

import pytest
import torch

from mtl_plugins.kinds import find_kind
from mtl_plugins.registry import MODELS

from ..contracts.head_contract import HeadContract


class ImageHeadContract(HeadContract):
    """The size of the image does not matter to labels and predictions."""

    values: int

    def test_raw_outputs_have_the_size_of_the_finest_features(self, head):
        assert head(self.features()).shape == (2, self.raw_channels)

    @pytest.mark.parametrize("size", [(5, 7), (19, 26)])
    def test_predictions_have_the_given_size(self, head, size):
        prediction = head.predict(head(self.features()), size)
        assert prediction.shape == (2, self.values)
        self.check_prediction(prediction)

    def test_outputs_are_resized_to_the_size_of_the_label(self, head):
        """The outputs have no size; the head reads the mean of one feature."""
        features = self.features()
        assert torch.allclose(head(features), head([f.flip(-1) for f in features]), atol=1e-6)
        finest = self.build(in_index=0)
        assert finest.out.in_features == 6 and head.out.in_features == 10

    def test_an_empty_batch_gives_empty_predictions_and_zero_losses(self, head):
        outputs = head(self.features(n=0))
        assert head.predict(outputs, (20, 28)).shape == (0, self.values)
        assert all(value == 0 for value in head.loss(outputs, self.target(0, 20, 28)).values())

    def test_the_head_works_in_test_time_augmentation_and_as_a_teacher(self, head):
        outputs = head(self.features())
        scores = head.scores(outputs, (20, 28))
        assert scores.is_floating_point() and torch.equal(head.undo_mirror(scores), scores)
        assert torch.equal(head.from_scores(scores), head.predict(outputs, (20, 28)))
        label, _ = find_kind(head.kind).to_label(scores)
        assert label.shape == (2, self.values)

    def test_an_index_of_no_feature_raises(self):
        with pytest.raises(ValueError, match="in_index=2, but the neck .* provides 2 features"):
            self.build(in_index=2)


class TestImageClassHead(ImageHeadContract):
    config = dict(type="ImageClassHead", num_classes=4)
    raw_channels, values = 4, 1

    def label(self, n, *size):
        return torch.arange(n).view(n, 1) % 4

    def check_prediction(self, prediction):
        assert prediction.dtype == torch.int64 and prediction.max() < 4

    def test_the_loss_is_the_mean_over_the_images_with_a_label(self, head):
        logits = torch.tensor([[50.0, 0, 0, 0], [0, 1.0, 0, 0]], requires_grad=True)
        expected = torch.nn.functional.cross_entropy(logits[1:], torch.tensor([3]))
        torch.testing.assert_close(head.loss(logits, torch.tensor([[-1], [3]]))["loss_ce"], expected)


class TestImageNumbersHead(ImageHeadContract):
    config = dict(type="ImageNumbersHead", out_channels=3)
    raw_channels = values = 3

    def label(self, n, *size):
        return torch.arange(3.0 * n).view(n, 3)

    def check_prediction(self, prediction):
        assert prediction.dtype == torch.float32

    def test_zero_is_a_value_and_nan_is_none(self, head):
        target = torch.tensor([[0.0, 0.0, 0.0], [1.0, float("nan"), 1.0]])
        outputs = torch.ones(2, 3, requires_grad=True)
        assert head.loss(outputs, target)["loss_l1"].item() == 1


def test_a_network_with_a_map_and_a_label_of_the_image():
    backbone = dict(type="TimmBackbone", model_name="test_resnet")
    heads = dict(
        depth=dict(type="DepthHead"),
        scene=dict(type="ImageClassHead", num_classes=3),
        age=dict(type="ImageNumbersHead"),
    )
    model = MODELS.build(dict(type="MultiTaskModel", backbone=backbone, heads=heads)).eval()
    raw = model(torch.zeros(2, 3, 64, 96), mode="tensor")
    assert raw["scene"].shape == (2, 3) and raw["age"].shape == (2, 1)
