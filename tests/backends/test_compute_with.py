"""A backend computes the raw outputs of a model: same metrics, same maps."""

import pytest
import torch
from mmengine.structures import BaseDataElement

from mtl_plugins.apis import init_model
from mtl_plugins.backends import build_backend, compute_with
from mtl_plugins.models import InferenceNetwork

SMALL = {"model.neck.channels": 16}


def samples(count, size):
    return [BaseDataElement(metainfo=dict(ori_shape=size, img_shape=size)) for _ in range(count)]


def test_predictions_equal_those_of_the_model():
    model = init_model("hydranet_synthrooms", cfg_options=SMALL)
    images = torch.randn(2, 3, 48, 64)
    with torch.no_grad():
        wanted = [sample.pred.depth for sample in model.predict(images, samples(2, (60, 80)))]
        calls = []
        backend = build_backend("torch", InferenceNetwork(model))
        backend_call = backend._compute
        backend._compute = lambda batch: calls.append(1) or backend_call(batch)
        compute_with(model, backend)
        given = [sample.pred.depth for sample in model.predict(images, samples(2, (60, 80)))]
        scores = model.predict_scores(images, (48, 64), tasks=["depth"])
    assert calls == [1, 1] and set(scores) == {"depth"}
    for one, other in zip(given, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_a_backend_of_another_network_raises():
    model, other = (init_model("hydranet_synthrooms", cfg_options={"model.neck.channels": n}) for n in (16, 24))
    backend = build_backend("torch", InferenceNetwork(other))
    with pytest.raises(ValueError, match="belongs to another network than the config"):
        compute_with(model, backend)
    heads = init_model("hydranet_synthrooms", cfg_options={**SMALL, "model.heads.normals": None})
    compute_with(heads, build_backend("torch", InferenceNetwork(model)))  # a backend may have additional heads


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(tasks=["depth"]), "has no output for semseg, normals"),
        (dict(end_to_end=True), "returns predictions, not raw outputs"),
    ],
)
def test_a_backend_without_the_raw_outputs_raises(options, message):
    model = init_model("hydranet_synthrooms", cfg_options=SMALL)
    with pytest.raises(ValueError, match=message):
        compute_with(model, build_backend("torch", InferenceNetwork(model, **options)))
