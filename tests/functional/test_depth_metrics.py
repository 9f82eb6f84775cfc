"""Scores of depth maps."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_plugins.functional.depth_metrics import (
    depth_scores,
    depth_statistics,
    eigen_crop_mask,
    evaluated_pixels,
    garg_crop_mask,
)

seeds = st.integers(0, 2**31)


def depth_maps(seed, n=3, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    prediction, target = torch.rand(2, n, 1, 6, 7, generator=generator, dtype=dtype) * 9 + 0.5
    hole = torch.rand(target.shape, generator=generator) < torch.rand(n, 1, 1, 1, generator=generator)
    hole[:, :, 0, 0] = False
    return prediction, target.masked_fill(hole, 0)


def numpy_scores(p, t):
    """monodepth's `compute_errors`, and KITTI's silog."""
    p, t = p.astype(np.float64), t.astype(np.float64)
    ratio, d = np.maximum(t / p, p / t), np.log(p) - np.log(t)
    return dict(
        rmse=np.sqrt(np.mean((t - p) ** 2)),
        rmse_log=np.sqrt(np.mean(d**2)),
        abs_rel=np.mean(np.abs(t - p) / t),
        sq_rel=np.mean((t - p) ** 2 / t),
        silog=100 * np.std(d),
        delta1=np.mean(ratio < 1.25),
        delta2=np.mean(ratio < 1.25**2),
        delta3=np.mean(ratio < 1.25**3),
    )


@given(seed=seeds, dtype=st.sampled_from([torch.float32, torch.float64]))
@settings(max_examples=25, deadline=None)
def test_equals_numpy_for_both_averages(seed, dtype):
    prediction, target = depth_maps(seed, dtype=dtype)
    valid = target > 0
    statistics = depth_statistics(prediction, target, valid)
    p, t, v = prediction.numpy(), target.numpy(), valid.numpy()
    assert depth_scores(statistics, "pixel") == pytest.approx(numpy_scores(p[v], t[v]), abs=1e-6)
    images = [numpy_scores(a[c], b[c]) for a, b, c in zip(p, t, v, strict=True)]
    means = {name: np.mean([image[name] for image in images]) for name in images[0]}
    assert depth_scores(statistics, "image") == pytest.approx(means, abs=1e-5)


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_a_batch_equals_its_samples(seed):
    prediction, target = depth_maps(seed)
    batch = depth_statistics(prediction, target, target > 0)
    for i in range(len(batch)):
        single = depth_statistics(prediction[i : i + 1], target[i : i + 1], target[i : i + 1] > 0)
        torch.testing.assert_close(single[0], batch[i], rtol=1e-12, atol=1e-12)


def test_invalid_pixels_do_not_count():
    prediction, target = depth_maps(0)
    valid = target > 0
    for junk in (0.0, -1.0, float("nan"), float("inf")):
        other = depth_statistics(prediction.masked_fill(~valid, junk), target.masked_fill(~valid, junk), valid)
        assert torch.equal(other, depth_statistics(prediction, target, valid))


@pytest.mark.parametrize("average", ["pixel", "image"])
def test_images_without_a_valid_pixel_do_not_count(average):
    prediction, target = depth_maps(0)
    valid = target > 0
    statistics = depth_statistics(prediction, target, valid)
    empty = depth_statistics(prediction, target, valid & False)
    assert depth_scores(torch.cat([statistics, empty]), average) == depth_scores(statistics, average)
    assert all(np.isnan(score) for score in depth_scores(empty, average).values())


@given(seed=seeds, scale=st.floats(0.2, 5))
@settings(max_examples=15, deadline=None)
def test_silog_ignores_scale_and_a_perfect_prediction_has_no_error(seed, scale):
    prediction, target = depth_maps(seed, dtype=torch.float64)
    valid = target > 0
    scores = depth_scores(depth_statistics(prediction, target, valid))
    scaled = depth_scores(depth_statistics(prediction * scale, target, valid))
    assert scaled["silog"] == pytest.approx(scores["silog"], abs=1e-5)
    only_scaled = depth_scores(depth_statistics(target * scale, target, valid))
    assert only_scaled["silog"] == pytest.approx(0, abs=1e-4)  # no NaN from a variance that rounds below 0
    perfect = depth_scores(depth_statistics(target, target, valid))
    assert perfect == dict.fromkeys(perfect, 0) | dict(delta1=1, delta2=1, delta3=1)


def test_a_nan_prediction_makes_the_scores_nan():
    prediction, target = depth_maps(0)
    prediction[0, 0, 0, 0] = float("nan")
    assert np.isnan(depth_scores(depth_statistics(prediction, target, target > 0))["rmse"])


def test_an_unknown_average_raises():
    with pytest.raises(ValueError, match="'pixel' and 'image'"):
        depth_scores(torch.zeros(1, 9), "median")


def test_depth_bounds_are_exclusive_and_holes_are_not_evaluated():
    depth = torch.tensor([[0.0, 1e-3, 0.01, 10.0, 9.99, float("nan"), float("inf"), -1.0]])
    assert evaluated_pixels(depth, 1e-3, 10.0).tolist() == [[False, False, True, False, True, False, False, False]]


def edges(mask):
    rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
    top, bottom, left, right = rows[0].item(), rows[-1].item() + 1, columns[0].item(), columns[-1].item() + 1
    assert mask.sum() == (bottom - top) * (right - left)
    return top, bottom, left, right


def test_crop_edges():
    assert edges(eigen_crop_mask(480, 640)) == (45, 471, 41, 601)
    assert edges(eigen_crop_mask(960, 1280)) == (90, 942, 82, 1202)
    assert edges(eigen_crop_mask(240, 320)) == (22, 236, 20, 300)  # 22.5, 235.5, 20.5, 300.5 are rounded to even
    # int(0.40810811 * 375), … as in monodepth
    assert edges(garg_crop_mask(375, 1242)) == (153, 371, 44, 1197)
    depth = torch.ones(2, 1, 375, 1242)
    assert torch.equal(evaluated_pixels(depth, 1e-3, 80, "garg")[1, 0], garg_crop_mask(375, 1242))
