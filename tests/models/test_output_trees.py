"""A head whose raw output is a dict of maps: loss, prediction, test-time augmentation, compilation and all backends."""

import json

import pytest
import torch
from mmengine.structures import BaseDataElement

from mtl_plugins.apis.export import export_model
from mtl_plugins.apis.predictions import to_numpy
from mtl_plugins.backends import BACKENDS, FORMATS, Signature, build_backend, compare, compute_with, load_backend
from mtl_plugins.models import InferenceNetwork, MultiTaskTTAModel, TaskHead
from mtl_plugins.structures import TaskData

from .other_heads import CentreOffsetHead, SceneVectorHead
from .small_model import small_model

SIZE = (32, 48)


@pytest.fixture(scope="module")
def model():
    return small_model(dict(depth=dict(type="DepthHead"), panoptic=dict(type=CentreOffsetHead)))


def samples(*tasks_of):
    generator = torch.Generator().manual_seed(0)
    for tasks in tasks_of:
        labels = dict(
            depth=torch.rand(1, *SIZE, generator=generator) + 1,
            panoptic=dict(
                centre=torch.rand(1, *SIZE, generator=generator), offset=torch.randn(2, *SIZE, generator=generator)
            ),
        )
        metainfo = dict(img_shape=SIZE, ori_shape=SIZE)
        yield BaseDataElement(metainfo=metainfo, gt=TaskData(**{task: labels[task] for task in tasks}))


def images(n=1, size=SIZE):
    numbers = torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(1))
    return numbers.contiguous(memory_format=torch.channels_last)


def test_losses_of_a_head_with_two_maps(model):
    data_samples = list(samples(("depth", "panoptic"), ("depth",), ("panoptic",)))
    losses = model(images(3), data_samples, mode="loss")
    assert set(losses) == {"depth.loss_berhu", "panoptic.loss_centre", "panoptic.loss_offset"}
    chosen = [data_samples[0], data_samples[2]]
    other = model(images(3)[[0, 2]], chosen, mode="loss")
    torch.testing.assert_close(losses["panoptic.loss_offset"], other["panoptic.loss_offset"])
    assert model(images(), list(samples(())), mode="loss")["panoptic.loss_unlabelled"] == 0


@torch.no_grad()
def test_predictions_have_the_original_size(model):
    sample = next(samples(()))
    sample.set_metainfo(dict(ori_shape=(50, 61)))
    [predicted] = model(images(), [sample], mode="predict")
    shapes = {name: value.shape for name, value in predicted.pred.panoptic.items()}
    assert shapes == dict(centre=(1, 50, 61), offset=(2, 50, 61))
    assert to_numpy(predicted)["panoptic"]["centre"].shape == (50, 61)
    half = predicted.pred.to(torch.float16)
    assert half.panoptic["offset"].dtype == torch.float16


@torch.no_grad()
def test_the_average_of_one_view_is_the_prediction(model):
    one = MultiTaskTTAModel(model, flip=False).predict_maps(images(), SIZE, None)["panoptic"]
    for name, wanted in model.predict_maps(images(), SIZE)["panoptic"].items():
        torch.testing.assert_close(one[name], wanted)


def test_a_head_without_its_own_predict_resizes_maps_and_returns_float32():
    class PlainHead(TaskHead):
        def forward(self, features):
            return features

    head = PlainHead()
    raw = dict(maps=torch.randn(2, 3, 8, 12).bfloat16(), vectors=torch.randn(2, 5))
    for outputs in (head.predict(raw, SIZE), head.scores(raw, SIZE)):
        assert outputs["maps"].shape == (2, 3, *SIZE) and outputs["maps"].dtype == torch.float32
        assert torch.equal(outputs["vectors"], raw["vectors"])


@torch.no_grad()
def test_flip_averages_are_mirrored_for_mirrored_images(model):
    average = MultiTaskTTAModel(model)
    one = average.predict_maps(images(), SIZE, None)["panoptic"]
    other = average.predict_maps(images().flip(-1), SIZE, None)["panoptic"]
    mirrored = model.undo_mirror("panoptic", other)
    for name in one:
        torch.testing.assert_close(one[name], mirrored[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["torch", "torch-export", "onnxruntime", "openvino"])
@pytest.mark.parametrize("end_to_end", [False, True])
def test_every_backend_gives_the_same_maps(model, name, end_to_end):
    if not BACKENDS[name].is_available():
        pytest.skip(f"the libraries of {name} are not installed")
    network = InferenceNetwork(model, end_to_end=end_to_end)
    backend = build_backend(name, network, (64, 96), fixed_size=False)
    given = images(2, (80, 64))
    if end_to_end:
        given = (given * 50 + 128).clamp(0, 255).to(torch.uint8)
    differences = compare(network, backend, given)
    assert list(differences) == ["depth", "panoptic.centre", "panoptic.offset"]
    assert max(differences.values()) < 1e-4
    assert set(backend(given)["panoptic"]) == {"centre", "offset"}


@pytest.mark.parametrize("name", ["torch", "torch-export", "onnxruntime", "openvino"])
def test_every_backend_gives_the_same_image_vectors(model, name):
    if not BACKENDS[name].is_available():
        pytest.skip(f"the libraries of {name} are not installed")
    network = InferenceNetwork(small_model(dict(scene=dict(type=SceneVectorHead))), end_to_end=True)
    generator = torch.Generator().manual_seed(0)
    given = torch.randint(256, (2, 3, 80, 64), generator=generator, dtype=torch.uint8)
    backend = build_backend(name, network, (64, 96), fixed_size=False)
    predicted = backend(given)["scene"]
    assert predicted.shape == (2, 1) and predicted.dtype == torch.int64
    assert compare(network, backend, given) == {"scene": 0}


@torch.no_grad()
def test_a_compiled_network_gives_the_same_maps(model):
    network = InferenceNetwork(model)
    backend = build_backend("compile", network, backend="eager")
    assert max(compare(network, backend, images()).values()) < 1e-5


def test_an_exported_file_gives_the_same_maps(model, tmp_path):
    exported = export_model(model, "torch-export", tmp_path / "net", SIZE)
    assert exported.signature.outputs == ("depth", "panoptic.centre", "panoptic.offset")
    loaded = load_backend(exported.path)
    with torch.no_grad():
        wanted = [sample.pred.panoptic["offset"] for sample in model.predict(images(2), list(samples((), ())))]
        before = model.forward_pass
        compute_with(model, loaded)
        given = [sample.pred.panoptic["offset"] for sample in model.predict(images(2), list(samples((), ())))]
        model.forward_pass = before
    for one, other in zip(given, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("format", ["onnx"])
def test_names_of_onnx_outputs(model, format, tmp_path):
    onnx = pytest.importorskip("onnx")
    if not FORMATS[format].is_available():
        pytest.skip(f"the libraries of {format} are not installed")
    exported = export_model(model, format, tmp_path / "net", SIZE, fixed_size=True)
    names = [value.name for value in onnx.load(exported.path).graph.output]
    assert names == ["depth", "panoptic.centre", "panoptic.offset"]


def test_the_signature_of_an_older_file_is_read():
    old = dict(tasks=["depth"], shape=[None, 48, 64], whole=True, dataset=None, precision="float32", network="abc")
    signature = Signature.from_json(json.dumps(old))
    assert signature.end_to_end and signature.outputs == ("depth",)
    depth = torch.zeros(1)
    assert signature.unflatten([depth]) == {"depth": depth}


def test_a_signature_is_restored_from_json():
    structure = {"depth": "depth", "panoptic": {"centre": "panoptic.centre", "parts": ["panoptic.parts.0"]}}
    signature = Signature(("depth", "panoptic"), structure=structure, mean=(0.5,) * 3, std=(0.5,) * 3)
    assert Signature.from_json(signature.to_json()) == signature
