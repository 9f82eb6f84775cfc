"""F-measure, mean absolute error and S-measure of saliency maps."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_plugins.functional.saliency_metrics import THRESHOLDS, saliency_scores, saliency_statistics
from mtl_plugins.functional.structure_measure import structure_measure


def images(seed, n=3, height=9, width=11):
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.rand(n, 1, height, width, generator=generator)
    target = (torch.rand(n, 1, height, width, generator=generator) < 0.4).to(torch.uint8)
    return prediction, target


def s_measure(prediction, target):
    everywhere = torch.ones_like(target, dtype=torch.bool)
    return structure_measure(prediction.double(), target == 1, everywhere).item()


@given(seed=st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_f_measure_and_error_equal_numpy(seed):
    prediction, target = images(seed)
    soft, salient = prediction.numpy()[:, 0].astype(np.float64), target.numpy()[:, 0] == 1
    best = 0
    for threshold in np.linspace(0.2, 0.9, 15):
        found = soft > threshold
        both = (found & salient).sum((1, 2))
        precision = (both / np.maximum(found.sum((1, 2)), 1)).mean()
        recall = (both / np.maximum(salient.sum((1, 2)), 1)).mean()
        best = max(best, 1.3 * precision * recall / max(0.3 * precision + recall, 1e-12))
    scores = saliency_scores(saliency_statistics(prediction, target))
    assert scores["maxF"] == pytest.approx(100 * best)
    assert scores["MAE"] == pytest.approx(np.abs(soft - salient).mean())


def test_thresholds_are_those_of_the_survey():
    assert len(THRESHOLDS) == 15 and THRESHOLDS[:2] == pytest.approx((0.2, 0.25)) and THRESHOLDS[-1] == 0.9


def test_a_perfect_and_an_inverted_map():
    _, target = images(0)
    perfect = saliency_scores(saliency_statistics(target.float(), target))
    assert perfect == pytest.approx(dict(maxF=100, MAE=0, Sm=1), abs=1e-6)
    inverted = saliency_scores(saliency_statistics(1 - target.float(), target))
    assert inverted["maxF"] == 0 and inverted["MAE"] == 1 and inverted["Sm"] < 0.05


def test_the_object_part_of_the_s_measure_by_hand():
    """With alpha 1, only the object part counts: two salient pixels of value 0.5 and 0.7."""
    prediction = torch.tensor([[0.5, 0.7], [0.1, 0.1]], dtype=torch.float64)
    salient = torch.tensor([[True, True], [False, False]])
    mean, deviation = 0.6, math.sqrt(0.02)
    foreground = 2 * mean / (mean**2 + 1 + deviation)
    background = 2 * 0.9 / (0.9**2 + 1)
    found = structure_measure(prediction, salient, torch.ones_like(salient), alpha=1)
    assert found.item() == pytest.approx(0.5 * foreground + 0.5 * background)


def test_the_region_part_splits_at_the_centroid():
    """The object fills the upper left quarter: its centroid lies within it, so the regions are not constant."""
    salient = torch.zeros(8, 8, dtype=torch.bool)
    salient[1:4, 1:4] = True
    everywhere = torch.ones_like(salient)
    good, shifted = salient.double(), salient.roll(2, 1).double()
    assert structure_measure(good, salient, everywhere, alpha=0).item() == pytest.approx(1)
    assert structure_measure(shifted, salient, everywhere, alpha=0).item() < 0.6


@pytest.mark.parametrize(("value", "target", "expected"), [(0.3, 0, 0.7), (0.3, 1, 0.3)])
def test_images_without_or_full_of_salient_pixels(value, target, expected):
    assert s_measure(torch.full((4, 5), value), torch.full((4, 5), target)) == pytest.approx(expected)


@given(seed=st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_the_s_measure_is_a_share(seed):
    prediction, target = images(seed)
    for soft, truth in zip(prediction[:, 0], target[:, 0], strict=True):
        assert 0 <= s_measure(soft, truth) <= 1


def test_void_pixels_do_not_count_and_void_images_are_left_out():
    prediction, target = images(1)
    padded = torch.nn.functional.pad(prediction, (0, 3, 0, 2), value=0.8)
    void = torch.nn.functional.pad(target, (0, 3, 0, 2), value=255)
    torch.testing.assert_close(saliency_statistics(padded, void), saliency_statistics(prediction, target))
    empty = saliency_statistics(prediction, torch.full_like(target, 255))
    scores = saliency_scores(torch.cat([saliency_statistics(prediction, target), empty]))
    assert scores == saliency_scores(saliency_statistics(prediction, target))
    assert all(math.isnan(value) for value in saliency_scores(empty).values())
