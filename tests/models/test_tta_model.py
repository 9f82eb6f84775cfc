"""Test-time augmentation: the prediction is the mean of the views, mapped back to the image."""

import pytest
import torch
from mmengine.structures import BaseDataElement, PixelData

from mtl_plugins.models import MultiTaskModel, MultiTaskTTAModel
from mtl_plugins.models.heads import DenseHead, DepthHead, NormalsHead, SegmentationHead

SIZE = (32, 48)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    heads = dict(
        semseg=dict(type="SegmentationHead", num_classes=5),
        depth=dict(type="DepthHead"),
        normals=dict(type="NormalsHead"),
    )
    backbone = dict(type="TimmBackbone", model_name="test_efficientnet")
    neck = dict(type="LightWeightRefineNet", channels=16)
    return MultiTaskModel(backbone, heads, neck).eval()


def batch(*images):
    samples = [BaseDataElement(metainfo=dict(img_shape=SIZE, ori_shape=(64, 96)), gt=PixelData()) for _ in images]
    return dict(inputs=list(images), data_samples=samples)


def image(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (3, *SIZE), dtype=torch.uint8, generator=generator)


def maps(samples):
    return [{task: sample.pred.get(task) for task in sample.pred.keys()} for sample in samples]


def test_one_view_equals_the_models_prediction(model):
    single = maps(model.val_step(batch(image())))[0]
    averaged = maps(MultiTaskTTAModel(model, flip=False).test_step(batch(image())))[0]
    assert torch.equal(single["semseg"], averaged["semseg"]) and averaged["semseg"].dtype == torch.uint8
    for task in ("depth", "normals"):
        torch.testing.assert_close(averaged[task], single[task])


def test_a_mirrored_image_gets_the_mirrored_prediction(model):
    tta = MultiTaskTTAModel(model, scales=(1.0, 1.5))
    plain, mirrored = (maps(tta.test_step(batch(picture)))[0] for picture in (image(), image().flip(-1)))
    torch.testing.assert_close(mirrored["depth"], plain["depth"].flip(-1))
    turned = plain["normals"].flip(-1) * torch.tensor([-1.0, 1, 1]).view(3, 1, 1)
    torch.testing.assert_close(mirrored["normals"], turned, atol=1e-4, rtol=1e-4)
    assert (mirrored["semseg"] == plain["semseg"].flip(-1)).float().mean() > 0.999  # except for ties


def test_batch_predictions_equal_single_image_predictions(model):
    tta = MultiTaskTTAModel(model, scales=(0.5, 1.0))
    together = maps(tta.test_step(batch(image(0), image(1))))
    for seed, found in enumerate(together):
        single = maps(tta.test_step(batch(image(seed))))[0]
        torch.testing.assert_close(found["depth"], single["depth"])


def test_a_model_wrapped_for_several_processes_is_unwrapped(model):
    assert MultiTaskTTAModel(torch.nn.DataParallel(model)).module is model


def test_mirroring_and_zooming_are_undone():
    sizes = dict(in_channels=(4,), in_strides=(4,))
    depth = torch.rand(2, 1, 6, 8)
    head = DepthHead(**sizes)
    torch.testing.assert_close(head.undo_zoom(depth / 1.5, 1.5), depth)
    normals = torch.nn.functional.normalize(torch.randn(2, 3, 6, 8), dim=1)
    head = NormalsHead(**sizes)
    zoomed = torch.nn.functional.normalize(normals * torch.tensor([1, 1, 1.5]).view(3, 1, 1), dim=1)
    torch.testing.assert_close(head.undo_zoom(zoomed, 1.5), normals)
    torch.testing.assert_close(head.undo_mirror(head.undo_mirror(normals)), normals)
    head = SegmentationHead(**sizes, num_classes=7)
    logits = torch.randn(2, 7, 6, 8)
    assert torch.equal(head.from_scores(head.scores(logits, (24, 32))), head.predict(logits, (24, 32)))
    torch.testing.assert_close(head.scores(logits, (24, 32)).sum(1), torch.ones(2, 24, 32))


def test_invalid_scales_and_heads_without_scores_raise(model):
    with pytest.raises(ValueError, match="at least one factor"):
        MultiTaskTTAModel(model, scales=(0,))

    class Counting(DenseHead):
        def predict(self, outputs, size):
            return super().predict(outputs, size).argmax(1, keepdim=True)

    model.heads["count"] = Counting(model.neck.out_channels, model.neck.out_strides, 3)
    try:
        with pytest.raises(TypeError, match="count .Counting.*cannot be averaged"):
            MultiTaskTTAModel(model).test_step(batch(image()))
    finally:
        del model.heads["count"]
