"""Images to losses, gradients, predictions and scores: in float32 on each device, against float64 on the CPU."""

import pytest
import torch
from mmengine.structures import BaseDataElement, PixelData

from mtl_plugins.registry import METRICS, MODELS

SIZES = (32, 48), (40, 33)
HEADS = dict(
    semseg=dict(type="SegmentationHead", num_classes=5),
    depth=dict(type="DepthHead"),
    normals=dict(type="NormalsHead"),
)


def build(backbone, device, dtype):
    torch.manual_seed(0)
    neck = dict(type="LightWeightRefineNet", channels=16)
    model = MODELS.build(dict(type="MultiTaskModel", backbone=backbone, neck=neck, heads=HEADS))
    return model.to(device, dtype).eval()


def batch():
    """Two images with labels of one size, of which the second has no depth."""
    generator = torch.Generator().manual_seed(1)
    height, width = SIZES[0]
    images, samples = [], []
    for tasks in (tuple(HEADS), ("semseg", "normals")):
        images.append(torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator))
        labels = dict(
            semseg=torch.randint(0, 5, (1, height, width), generator=generator, dtype=torch.uint8),
            depth=torch.rand(1, height, width, generator=generator) + 0.5,
            normals=torch.nn.functional.normalize(torch.randn(3, height, width, generator=generator), dim=0),
        )
        meta = dict(img_shape=(height, width), ori_shape=(height, width), img_path="image.png")
        samples.append(BaseDataElement(metainfo=meta, gt=PixelData(**{task: labels[task] for task in tasks})))
    return dict(inputs=images, data_samples=samples)


def computed(backbone, device, dtype):
    """Losses, gradients of the first and the last parameter, and predictions."""
    model = build(backbone, device, dtype)
    data = model.data_preprocessor(batch())
    data["inputs"] = data["inputs"].to(dtype)
    losses = model(**data, mode="loss")
    sum(losses.values()).backward()
    parameters = list(model.parameters())
    with torch.no_grad():
        predictions = model(**data, mode="predict")
    values = [*losses.values(), parameters[0].grad, parameters[-1].grad]
    return [value.detach().cpu().double() for value in values], predictions


@pytest.mark.parametrize(
    "backbone",
    [dict(type="TimmBackbone", model_name="test_resnet"), dict(type="ResNet38", width=2)],
    ids=lambda backbone: backbone["type"],
)
def test_from_images_to_scores(backbone, device):
    found, predictions = computed(backbone, device, torch.float32)
    wanted, exact = computed(backbone, torch.device("cpu"), torch.float64)
    for one, other in zip(found, wanted, strict=True):
        assert other.any()
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-3)
    for one, other in zip(predictions, exact, strict=True):
        assert (one.pred.semseg.cpu() == other.pred.semseg).float().mean() > 0.99
        for task in ("depth", "normals"):
            torch.testing.assert_close(
                one.pred.get(task).cpu().float(), other.pred.get(task).float(), rtol=1e-2, atol=1e-2
            )
    metric = METRICS.build(dict(type="SegmentationMetric", classes=5))
    metric.process(None, [sample.to_dict() for sample in predictions])
    assert 0 <= metric.evaluate(2)["semseg/mIoU"] <= 100


def test_a_batch_of_mixed_sizes_is_moved_to_the_device_of_the_model(device):
    model = build(dict(type="TimmBackbone", model_name="test_resnet"), device, torch.float32)
    images = [torch.zeros(3, *size, dtype=torch.uint8) for size in SIZES]
    inputs = model.data_preprocessor({"inputs": images})["inputs"]
    assert inputs.device.type == device.type and inputs.shape == (2, 3, 40, 48)
