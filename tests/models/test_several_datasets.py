"""One network for several datasets: losses and predictions use the class range and depth scale of each dataset."""

import pytest
import torch
from mmengine.structures import BaseDataElement, PixelData

from mtl_plugins.models import MultiTaskModel
from mtl_plugins.models.heads import DepthHead, SegmentationHead

SIZE = (32, 48)
RANGES = dict(nyud=(0, 4), kitti=(4, 6))


@pytest.fixture
def model():
    torch.manual_seed(0)
    heads = dict(
        semseg=dict(type="SegmentationHead", num_classes=6, ranges=RANGES),
        depth=dict(type="DepthHead", scales=dict(nyud=1.0, kitti=8.0)),
    )
    backbone = dict(type="TimmBackbone", model_name="test_efficientnet")
    return MultiTaskModel(backbone, heads, dict(type="LightWeightRefineNet", channels=16)).eval()


def sample(dataset, seed=0, tasks=("semseg", "depth")):
    generator = torch.Generator().manual_seed(seed)
    classes = RANGES.get(dataset, (0, 6))
    labels = dict(
        semseg=torch.randint(classes[1] - classes[0], (1, *SIZE), generator=generator, dtype=torch.uint8),
        depth=torch.rand(1, *SIZE, generator=generator) + 1,
    )
    meta = dict(img_shape=SIZE, ori_shape=SIZE) | ({} if dataset is None else dict(dataset=dataset))
    return BaseDataElement(metainfo=meta, gt=PixelData(**{task: labels[task] for task in tasks}))


def images(count):
    return torch.randn(count, 3, *SIZE, generator=torch.Generator().manual_seed(9))


def test_classes_outside_the_range_of_the_dataset_are_not_predicted(model):
    inputs = images(4)
    names = ["nyud", "kitti", "kitti", "nyud"]
    with torch.no_grad():
        model.heads["semseg"].out.bias[5] += 100  # the highest logit wherever the class is allowed
        raw = model(inputs, mode="tensor")["semseg"]
        found = model(inputs, [sample(name) for name in names], mode="predict")
    for i, (name, data_sample) in enumerate(zip(names, found, strict=True)):
        first, end = RANGES[name]
        classes = data_sample.pred.semseg
        assert classes.dtype == torch.uint8 and classes.max() < end - first
        expected = SegmentationHead.resize(raw[i : i + 1, first:end], SIZE).argmax(1)[0]
        assert torch.equal(classes[0].long(), expected)
    assert (found[1].pred.semseg == 1).all()


def test_the_loss_averages_datasets_by_their_share_of_samples(model):
    inputs = images(3)
    samples = [sample("nyud", 0), sample("kitti", 1), sample("nyud", 2)]
    together = model(inputs, samples, mode="loss")
    indoors = model(inputs[[0, 2]], [samples[0], samples[2]], mode="loss")
    outdoors = model(inputs[[1]], [samples[1]], mode="loss")
    for key, value in together.items():
        torch.testing.assert_close(value, (2 * indoors[key] + outdoors[key]) / 3)


def test_dataset_weights_scale_the_loss(model):
    inputs, samples = images(2), [sample("nyud", 0), sample("kitti", 1)]
    before = model(inputs, samples, mode="loss")["depth.loss_berhu"]
    model.heads["depth"].dataset_weights = dict(kitti=0.25)
    indoors, outdoors = (model(inputs[[i]], [samples[i]], mode="loss")["depth.loss_berhu"] for i in (0, 1))
    after = model(inputs, samples, mode="loss")["depth.loss_berhu"]
    torch.testing.assert_close(after, (indoors + outdoors) / 2)
    torch.testing.assert_close(before, (indoors + 4 * outdoors) / 2)


def test_the_loss_ignores_logits_outside_the_range(model):
    inputs, samples = images(2), [sample("nyud", 0), sample("nyud", 1)]
    before = model(inputs, samples, mode="loss")
    with torch.no_grad():
        model.heads["semseg"].out.bias[4:] += 50
    after = model(inputs, samples, mode="loss")
    torch.testing.assert_close(before["semseg.loss_ce"], after["semseg.loss_ce"])
    sum(after.values()).backward()
    gradient = model.heads["semseg"].out.weight.grad
    assert (gradient[4:] == 0).all() and (gradient[:4] != 0).any(), "DDP needs every gradient"


def test_depth_has_the_scale_of_the_dataset(model):
    inputs = images(1)
    with torch.no_grad():
        near, far = (model(inputs, [sample(name)], mode="predict")[0].pred.depth for name in ("nyud", "kitti"))
    torch.testing.assert_close(far, 8 * near)


def test_images_with_missing_labels(model):
    samples = [sample("nyud", 0, ("depth",)), sample("kitti", 1, ("semseg",)), sample("kitti", 2, ())]
    losses = model(images(3), samples, mode="loss")
    assert set(losses) == {"semseg.loss_ce", "depth.loss_berhu"} and all(v.isfinite() for v in losses.values())


def test_ranges_are_equal_or_disjoint():
    SegmentationHead((4,), (4,), num_classes=6, ranges=dict(nyud=(0, 4), same=(0, 4), kitti=(4, 6)))
    with pytest.raises(ValueError, match=r"the ranges of nyud \(0, 4\) and kitti \(3, 6\) overlap"):
        SegmentationHead((4,), (4,), num_classes=6, ranges=dict(nyud=(0, 4), kitti=(3, 6)))


@pytest.mark.parametrize(
    ("name", "message"), [(None, "does not state its dataset"), ("sunrgbd", "no .* for the dataset 'sun")]
)
def test_an_unknown_dataset_raises(model, name, message):
    with pytest.raises(ValueError, match=message):
        model(images(1), [sample(name)], mode="predict")


@pytest.mark.parametrize("ends", [(2, 2), (0, 7), (-1, 3), (1,)])
def test_ranges_outside_the_classes_raise(ends):
    with pytest.raises(ValueError, match=r"ranges\['nyud'\]=.* must be .* within the 6 classes"):
        SegmentationHead((4,), (4,), num_classes=6, ranges=dict(nyud=ends))


def test_a_scale_of_zero_raises():
    with pytest.raises(ValueError, match="must be positive"):
        DepthHead((4,), (4,), scales=dict(nyud=0))
