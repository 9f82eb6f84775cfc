"""Scores of surface normals."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_plugins.functional.normal_metrics import (
    BIN,
    THRESHOLDS,
    angular_error,
    normal_scores,
    normal_statistics,
)

seeds = st.integers(0, 2**31)


def normal_maps(seed, n=3, spread=0.5):
    generator = torch.Generator().manual_seed(seed)
    target = torch.nn.functional.normalize(torch.randn(n, 3, 6, 7, generator=generator), dim=1)
    prediction = target + spread * torch.randn(target.shape, generator=generator)
    hole = torch.rand(n, 1, 6, 7, generator=generator) < 0.3
    hole[:, :, 0, 0] = False
    return prediction, target.masked_fill(hole, 0)


def numpy_angles(prediction, target):
    p, t = (np.moveaxis(x.double().numpy(), 1, -1) for x in (prediction, target))
    valid = (t != 0).any(-1)
    p, t = p[valid], t[valid]
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(p, t), axis=-1), (p * t).sum(-1)))


@given(seed=seeds, spread=st.floats(0.01, 3))
@settings(max_examples=25, deadline=None)
def test_equals_numpy(seed, spread):
    prediction, target = normal_maps(seed, spread=spread)
    scores = normal_scores(*normal_statistics(prediction, target))
    angles = numpy_angles(prediction, target)
    assert scores["mean"] == pytest.approx(angles.mean(), abs=1e-5)
    assert scores["rmse"] == pytest.approx(np.sqrt((angles**2).mean()), abs=1e-5)
    assert scores["median"] == pytest.approx(np.median(angles), abs=BIN)
    for threshold in THRESHOLDS:
        assert scores[f"{threshold:g}"] == pytest.approx(100 * (angles < threshold).mean())


@pytest.mark.parametrize("degrees", [[10.0], [10, 50], [10, 20, 50], [0, 180], [90, 90, 90, 0]])
def test_the_median_of_an_even_and_an_odd_number(degrees):
    angle = torch.tensor(degrees).deg2rad()
    prediction = torch.stack([angle.sin(), 0 * angle, -angle.cos()])[None, :, None]
    target = torch.tensor([0.0, 0, -1]).reshape(1, 3, 1, 1).expand(prediction.shape)
    scores = normal_scores(*normal_statistics(prediction, target))
    assert scores["median"] == pytest.approx(np.median(degrees), abs=BIN)


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_a_batch_equals_its_samples(seed):
    prediction, target = normal_maps(seed)
    sums, histogram = normal_statistics(prediction, target)
    for i in range(len(sums)):
        one_sums, one_histogram = normal_statistics(prediction[i : i + 1], target[i : i + 1])
        torch.testing.assert_close(one_sums[0], sums[i], rtol=1e-12, atol=1e-12)
        assert torch.equal(one_histogram[0], histogram[i])


@given(seed=seeds, length=st.floats(0.01, 100))
@settings(max_examples=10, deadline=None)
def test_the_length_of_predictions_and_void_pixels_do_not_count(seed, length):
    prediction, target = normal_maps(seed)
    void = (target == 0).all(1, keepdim=True)
    scores = normal_scores(*normal_statistics(prediction, target))
    other = torch.where(void, torch.full_like(prediction, float("nan")), prediction * length)
    assert normal_scores(*normal_statistics(other, target)) == pytest.approx(scores, abs=BIN)


def test_angular_error_of_known_vectors():
    a = torch.tensor([1.0, 0, 0, 0, 0, 1]).reshape(2, 3, 1, 1)
    b = torch.tensor([[1.0, 0, 0], [-3, 0, 0], [0, 2, 0], [0, 0, 0], [1, 1, 0]]).reshape(5, 3, 1, 1)
    angles = angular_error(a[:1].expand(5, 3, 1, 1), b).flatten()
    assert angles.tolist() == pytest.approx([0, 180, 90, 90, 45], abs=1e-5)


def test_thresholds_are_exact_and_exclusive():
    angle = torch.tensor([29.99, 30.01, 22.49, 22.51, 11.24, 11.26], dtype=torch.float64).deg2rad()
    prediction = torch.stack([angle.sin(), 0 * angle, -angle.cos()])[None, :, None]
    target = torch.tensor([0.0, 0, -1]).reshape(1, 3, 1, 1).expand(prediction.shape)
    scores = normal_scores(*normal_statistics(prediction, target))
    assert [scores["11.25"], scores["22.5"], scores["30"]] == pytest.approx([100 / 6, 300 / 6, 500 / 6])


def test_scores_are_nan_without_valid_pixels_and_for_nan_predictions():
    prediction, target = normal_maps(0)
    assert all(math.isnan(score) for score in normal_scores(*normal_statistics(prediction, target * 0)).values())
    prediction[0, 0, 0, 0] = float("nan")
    assert math.isnan(normal_scores(*normal_statistics(prediction, target))["mean"])
