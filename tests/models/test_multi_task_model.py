"""`MultiTaskModel`: losses with missing labels, predictions for images of mixed sizes, and exchangeable backbones."""

import copy
import pickle

import pytest
import torch
from mmengine.structures import BaseDataElement

from mtl_plugins.registry import MODELS
from mtl_plugins.structures import TaskData

BACKBONE = dict(type="TimmBackbone", model_name="test_resnet")
HEADS = dict(
    semseg=dict(type="SegmentationHead", num_classes=5),
    depth=dict(type="DepthHead"),
    normals=dict(type="NormalsHead"),
)
ALL = tuple(HEADS)
SIZE = (32, 48)


def build(heads=HEADS, **config):
    torch.manual_seed(0)
    config = dict(backbone=BACKBONE, neck=dict(type="LightWeightRefineNet", channels=8), heads=heads) | config
    return MODELS.build(dict(type="MultiTaskModel", **config))


@pytest.fixture(scope="module")
def shared_model():
    return build().eval()


@pytest.fixture
def model(shared_model):
    return copy.deepcopy(shared_model)  # faster than building it again


def sample(tasks=ALL, size=SIZE, seed=0, **metainfo):
    generator = torch.Generator().manual_seed(seed)
    labels = dict(
        semseg=torch.randint(0, 5, (1, *size), generator=generator, dtype=torch.uint8),
        depth=torch.rand(1, *size, generator=generator) + 0.5,
        normals=torch.nn.functional.normalize(torch.randn(3, *size, generator=generator), dim=0),
    )
    metainfo = dict(img_shape=size, ori_shape=size) | metainfo
    return BaseDataElement(metainfo=metainfo, gt=TaskData(**{task: labels[task] for task in tasks}))


def images(n, size=SIZE):
    return torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(2))


def test_raw_outputs_by_task(model):
    outputs = model(images(2))
    assert {task: output.shape[1] for task, output in outputs.items()} == dict(semseg=5, depth=1, normals=3)
    assert model.tasks == ALL


def test_losses_are_named_by_task(model):
    losses = model(images(2), [sample(), sample(seed=1)], mode="loss")
    assert {name.split(".")[0] for name in losses} == set(ALL)
    assert all(name.split(".")[1].startswith("loss_") for name in losses)


def test_images_without_a_label_do_not_change_the_loss_of_the_task(model):
    tasks_of = [ALL, ("depth",), ("semseg", "normals"), ("normals",)]
    samples = [sample(tasks, seed=i) for i, tasks in enumerate(tasks_of)]
    inputs = images(4)
    losses = model(inputs, samples, mode="loss")
    outputs = model(inputs)
    for task, head in model.heads.items():
        chosen = [i for i, tasks in enumerate(tasks_of) if task in tasks]
        targets = torch.stack([samples[i].gt.get(task) for i in chosen])
        for name, value in head.loss(outputs[task][chosen], targets).items():
            torch.testing.assert_close(losses[f"{task}.{name}"], value)


def test_missing_labels_of_other_tasks_do_not_change_a_loss(model):
    full = model(images(2), [sample(), sample(seed=1)], mode="loss")
    partly = model(images(2), [sample(("depth",)), sample(("depth", "semseg"), seed=1)], mode="loss")
    assert torch.equal(partly["depth.loss_berhu"], full["depth.loss_berhu"])
    assert set(partly) == {name for name in full if not name.startswith("normals")} | {"normals.loss_unlabelled"}


@pytest.mark.parametrize("labelled", [("depth",), ("semseg",), ()])
def test_a_head_without_labels_in_the_batch_gets_zero_gradients(model, labelled):
    model.train()
    losses = model(images(2), [sample(labelled), sample(labelled, seed=1)], mode="loss")
    total, _ = model.parse_losses(losses)
    total.backward()
    assert total.isfinite()
    for task, head in model.heads.items():
        assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())
        assert any((p.grad != 0).any() for p in head.parameters()) == (task in labelled)
    assert all(p.grad is not None for p in model.parameters())


def test_losses_of_void_labels_are_zero(model):
    void = sample(("semseg", "depth"))
    void.gt.semseg.fill_(255)
    void.gt.depth.zero_()
    losses = model(images(1), [void], mode="loss")
    assert all(value == 0 for value in losses.values())


def test_labels_of_different_sizes_in_one_batch_raise(model):
    with pytest.raises(ValueError, match=r"semseg labels .* different sizes .*RandomCrop or Resize"):
        model(images(2), [sample(), sample(size=(32, 32))], mode="loss")


def test_a_task_set_to_none_is_not_built():
    model = build({**HEADS, "depth": None})
    assert model.tasks == ("semseg", "normals") and "depth" not in model(images(2))


@pytest.mark.parametrize("heads", [{}, {"depth": None}])
def test_a_model_without_tasks_raises(heads):
    with pytest.raises(ValueError, match="model.heads has no task"):
        build(heads)


def test_without_a_neck_heads_read_the_backbone():
    model = build(neck=None)
    assert model.heads.depth.pre.in_channels == model.backbone.out_channels[0]
    assert model(images(1))["depth"].shape[2:] == (8, 12)


def test_an_unknown_mode_raises(model):
    with pytest.raises(ValueError, match="mode='train' is not one of 'tensor', 'loss', 'predict'"):
        model(images(1), mode="train")


@torch.no_grad()
def test_predictions_have_the_original_size_type_and_range(model):
    predictions = model(images(2), [sample(ori_shape=(50, 61)), sample()], mode="predict")
    for prediction, size in zip(predictions, [(50, 61), SIZE], strict=True):
        shapes = {task: prediction.pred.get(task).shape for task in ALL}
        assert shapes == dict(semseg=(1, *size), depth=(1, *size), normals=(3, *size))
        assert prediction.pred.semseg.dtype == torch.uint8 and prediction.pred.semseg.max() < 5
        assert (prediction.pred.depth >= 0).all()
        torch.testing.assert_close(prediction.pred.normals.norm(dim=0), torch.ones(size))


@torch.no_grad()
def test_batch_predictions_of_mixed_sizes_equal_single_image_predictions(model):
    model.double()
    sizes = [(32, 48), (40, 33), (32, 48), (57, 64)]
    generator = torch.Generator().manual_seed(0)
    raw = [torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=generator) for size in sizes]

    def predict(chosen):
        samples = [sample((), sizes[i], ori_shape=(60, 50 + i)) for i in chosen]
        batch = model.data_preprocessor({"inputs": [raw[i] for i in chosen], "data_samples": samples})
        return [prediction.pred for prediction in model(**batch, mode="predict")]

    together = predict(range(4))
    for i, prediction in enumerate(together):
        [single] = predict([i])
        assert prediction.semseg.shape == (1, 60, 50 + i)
        assert torch.equal(prediction.semseg, single.semseg)
        for task in ("depth", "normals"):
            torch.testing.assert_close(prediction.get(task), single.get(task), rtol=1e-5, atol=1e-6)


def test_weights_are_channels_last_unless_disabled(model):
    conv = model.neck.lateral[-1].weight
    assert conv.is_contiguous(memory_format=torch.channels_last)
    big = [p for p in model.parameters() if p.ndim == 4 and p.shape[2] > 1 and p.shape[1] > 1]
    assert big and all(p.is_contiguous(memory_format=torch.channels_last) for p in big)
    plain = build(channels_last=False)
    assert all(p.is_contiguous() for p in plain.parameters())


def test_outputs_do_not_depend_on_the_memory_format(model):
    plain = build(channels_last=False).eval()
    plain.load_state_dict(model.state_dict())
    for task, output in model(images(1)).items():
        torch.testing.assert_close(plain(images(1))[task], output, rtol=1e-3, atol=1e-4)


def test_an_unknown_component_suggests_the_nearest_name():
    with pytest.raises(KeyError) as raised:
        build(neck=dict(type="LightWeightRefinedNet"))
    assert "LightWeightRefineNet" in str(raised.value)


# exchanging the backbone by name

TINY = ["test_vit", "test_convnext", "test_efficientnet", "test_byobnet", "test_nfnet", "dla46_c"]
FULL = [
    *("resnet18", "resnet50", "convnext_tiny", "efficientnet_b0", "mobilenetv3_large_100", "hrnet_w18_small"),
    *("regnety_004", "swin_tiny_patch4_window7_224", "pvt_v2_b0", "vit_small_patch16_224", "densenet121"),
    *("fastvit_t8", "repvit_m0_9"),
]


@pytest.mark.parametrize("model_name", TINY + FULL)
def test_any_backbone_trains_one_step_and_predicts(model_name):
    size = (64, 64)
    model = build({task: HEADS[task] for task in ("semseg", "depth")}, backbone={**BACKBONE, "model_name": model_name})
    samples = [sample(("semseg", "depth"), size), sample(("depth",), size, seed=1)]
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-4)
    model.train()
    total, _ = model.parse_losses(model(images(2, size), samples, mode="loss"))
    total.backward()
    unseen = [name for name, p in model.named_parameters() if p.grad is None]
    assert total.isfinite() and not unseen, "DDP would wait for these parameters"
    optimiser.step()
    model.eval()
    with torch.no_grad():
        for prediction in model(images(2, size), samples, mode="predict"):
            assert prediction.pred.depth.shape == (1, *size) and prediction.pred.depth.isfinite().all()


def test_a_copy_of_a_compiled_model_computes_with_its_own_weights(model):
    model.compile_network(backend="eager")
    clone = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    inputs = torch.randn(1, 3, *SIZE)
    with torch.inference_mode():
        assert all(
            torch.equal(one, other) for one, other in zip(clone(inputs).values(), model(inputs).values(), strict=True)
        )
        for parameter in clone.parameters():
            parameter.zero_()
        assert not any(output.any() for output in clone(inputs).values())
        assert all(output.any() for output in model(inputs).values())
