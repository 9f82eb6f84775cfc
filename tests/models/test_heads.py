"""The heads: each fulfils the contract, and has specific properties."""

import pytest
import torch

from mtl_plugins.models.heads import DepthHead
from mtl_plugins.registry import MODELS

from ..contracts.head_contract import HeadContract


class TestSegmentationHead(HeadContract):
    config = dict(type="SegmentationHead", num_classes=5)
    raw_channels = 5

    def label(self, n, *size):
        label = torch.randint(0, 5, (n, 1, *size), dtype=torch.uint8)
        label[..., :1] = 255
        return label

    def check_prediction(self, prediction):
        assert prediction.dtype == torch.uint8 and prediction.max() < 5

    def test_the_prediction_is_the_argmax_of_the_logits(self, head):
        outputs = head(self.features())
        assert torch.equal(head.predict(outputs, (5, 7)), outputs.argmax(1, keepdim=True).to(torch.uint8))

    @pytest.mark.parametrize("num_classes, dtype", [(255, torch.uint8), (300, torch.int64)])
    def test_more_than_255_classes_are_predicted_as_int64(self, num_classes, dtype):
        config = dict(type="SegmentationHead", num_classes=num_classes, in_channels=(6,), in_strides=(4,))
        head = MODELS.build(config)
        outputs = torch.zeros(1, num_classes, 2, 2)
        outputs[:, -1] = 1
        prediction = head.predict(outputs, (2, 2))
        assert prediction.dtype == dtype and (prediction == num_classes - 1).all()


class TestDepthHead(HeadContract):
    config = dict(type="DepthHead")
    raw_channels = 1

    def label(self, n, *size):
        label = torch.rand(n, 1, *size) * 5
        label[..., :1] = 0
        return label

    def check_prediction(self, prediction):
        assert prediction.dtype == torch.float32 and (prediction >= 0).all()

    def test_the_prediction_is_the_absolute_value(self, head):
        outputs = torch.tensor([[[[-2.0, 3.0]]]])
        assert torch.equal(head.predict(outputs, (1, 2)), torch.tensor([[[[2.0, 3.0]]]]))


class TestFixedCameraDepthHead(HeadContract):
    config = dict(type="FixedCameraDepthHead", grid=(4, 3), max_depth=50.0)
    raw_channels = 1

    def label(self, n, *size):
        label = torch.rand(n, 1, *size) * 5
        label[..., :1] = 0
        return label

    def check_prediction(self, prediction):
        assert prediction.dtype == torch.float32 and (prediction > 0).all() and (prediction <= 50.001).all()

    def test_training_starts_from_the_typical_depth(self, head):
        assert torch.allclose(head.predict(head(self.features()), (20, 28)), torch.tensor(12.0))

    def test_outputs_are_logarithmic_factors_of_the_typical_depth(self, head):
        typical = torch.tensor([40.0, 30.0, 20.0, 10.0]).view(4, 1).expand(4, 3)
        head.set_typical(typical)
        outputs = torch.tensor([0.0, 0.0, 0.0, 2.0]).log1p().view(1, 1, 4, 1).expand(1, 1, 4, 3)
        expected = torch.tensor([40.0, 30.0, 20.0, 30.0]).view(1, 1, 4, 1).expand(1, 1, 4, 3)
        torch.testing.assert_close(head.predict(outputs, (4, 3)), expected)
        assert torch.allclose(head.predict(outputs + 5, (4, 3)), torch.tensor(50.0)), "max_depth"
        assert torch.equal(head.state_dict()["typical"][0, 0], typical.log()), "it is part of checkpoints"

    @pytest.mark.parametrize("options", [dict(grid=(0, 3)), dict(start=0.0), dict(start=60.0)])
    def test_invalid_options_raise(self, options):
        with pytest.raises(ValueError, match="needs a grid of at least"):
            self.build(**options)


class TestNormalsHead(HeadContract):
    config = dict(type="NormalsHead")
    raw_channels = label_channels = 3

    def label(self, n, *size):
        label = torch.nn.functional.normalize(torch.randn(n, 3, *size), dim=1)
        label[..., :1] = 0
        return label

    def check_prediction(self, prediction):
        assert prediction.dtype == torch.float32
        torch.testing.assert_close(prediction.norm(dim=1), torch.ones_like(prediction[:, 0]))


class TestEdgeHead(HeadContract):
    config = dict(type="EdgeHead")
    raw_channels = 1

    def label(self, n, *size):
        label = (torch.rand(n, 1, *size) < 0.1).to(torch.uint8)
        label[..., :1] = 255
        return label

    def check_prediction(self, prediction):
        assert prediction.dtype == torch.float32 and prediction.min() >= 0 and prediction.max() <= 1

    def test_the_prediction_is_the_sigmoid(self, head):
        outputs = head(self.features())
        assert torch.equal(head.predict(outputs, (5, 7)), outputs.sigmoid())


class TestSaliencyHead(TestEdgeHead):
    config = dict(type="SaliencyHead")


class TestPanopticHead(HeadContract):
    config = dict(type="PanopticHead", num_classes=5, stuff_classes=[0, 3])
    raw_channels = 8

    def label(self, n, *size):
        classes = torch.randint(0, 5, (n, 1, *size))
        label = classes * 1000 + torch.randint(1, 3, (n, 1, *size)) * (classes % 3 != 0)
        label[..., :1] = 255
        return label.int()

    def check_prediction(self, prediction):
        assert prediction.dtype == torch.int32
        classes, instances = prediction // 1000, prediction % 1000
        counted = prediction != 255
        assert (classes[counted] < 5).all()
        assert torch.equal((instances > 0)[counted], ~torch.isin(classes, torch.tensor([0, 3]))[counted])

    def test_several_losses_are_weighted_and_named_separately(self, head):
        assert [loss.name for loss in head.losses] == ["class", "centre", "offset"]
        super().test_several_losses_are_weighted_and_named_separately(head)

    def test_batch_predictions_equal_single_image_predictions(self, head):
        """Rounding may move a pixel that is equally near to two centres."""
        features = self.features()
        together = head.predict(head(features), (20, 28))
        singly = [head.predict(head([f[i : i + 1] for f in features]), (20, 28)) for i in range(2)]
        assert (together != torch.cat(singly)).float().mean() < 0.02

    def test_an_unknown_stuff_class_raises(self):
        with pytest.raises(ValueError, match=r"stuff_classes=\[5\] has \[5\], but the 5 classes are 0 to 4"):
            self.build(stuff_classes=[5])


class TestDenseHead(HeadContract):
    """The base class, as a map of three channels."""

    config = dict(type="DenseHead", out_channels=3, loss=dict(type="L1Loss"))
    raw_channels = label_channels = 3

    def label(self, n, *size):
        return torch.rand(n, 3, *size) + 0.1

    def check_prediction(self, prediction):
        assert prediction.dtype == torch.float32 and prediction.isfinite().all()


class MisspeltHead(DepthHead):
    kind = "metric_dept"


class ForeignHead(torch.nn.Module):
    kind = "probabilty"

    def __init__(self, in_channels, in_strides):
        super().__init__()


@pytest.mark.parametrize("head, nearest", [(MisspeltHead, "metric_depth"), (ForeignHead, "probability")])
def test_a_model_refuses_heads_of_an_unknown_kind(head, nearest):
    backbone = dict(type="TimmBackbone", model_name="test_resnet")
    message = rf"The head of 'water' \({head.__name__}\): Unknown kind {head.kind!r}: did you mean '{nearest}'"
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type="MultiTaskModel", backbone=backbone, heads=dict(water=dict(type=head))))
