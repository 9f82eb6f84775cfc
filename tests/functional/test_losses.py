"""The formulas of the losses, compared with NumPy and PyTorch; tests/contracts/ tests what all losses share."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_plugins.functional import losses

seeds = st.integers(0, 2**31)


def depth_pair(seed, shape=(2, 1, 5, 4)):
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.rand(shape, generator=generator, dtype=torch.float64) * 8 + 0.1
    target = torch.rand(shape, generator=generator, dtype=torch.float64) * 8 + 0.1
    target[torch.rand(shape, generator=generator) < 0.3] = 0
    target[:, :, 0, 0] = 3.0
    return prediction, target


def unit_vectors(seed, shape=(2, 3, 5, 4)):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(shape, generator=generator, dtype=torch.float64), dim=1)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_depth_losses_equal_numpy(seed):
    prediction, target = depth_pair(seed)
    p, t = prediction.numpy(), target.numpy()
    error = np.abs(p - t)[t > 0]
    assert losses.l1(prediction, target).item() == pytest.approx(error.mean())

    c = 0.2 * error.max()
    berhu = np.where(error <= c, error, (error**2 + c**2) / (2 * c))
    assert losses.inverse_huber(prediction, target).item() == pytest.approx(berhu.mean())

    per_image = [np.log(a[b > 0]) - np.log(b[b > 0]) for a, b in zip(p, t, strict=True)]
    eigen = [(d**2).mean() - 0.5 * d.mean() ** 2 for d in per_image]
    expected = np.average(eigen, weights=[len(d) for d in per_image])
    assert losses.scale_invariant_log(prediction, target, variance_focus=0.5).item() == pytest.approx(expected)


@given(seeds, st.floats(0.1, 10))
@settings(max_examples=20, deadline=None)
def test_silog_with_full_variance_focus_ignores_the_scale_of_each_image(seed, scale):
    prediction, target = depth_pair(seed)
    scales = torch.tensor([scale, 1.0], dtype=torch.float64).reshape(2, 1, 1, 1)
    loss = losses.scale_invariant_log(prediction, target, variance_focus=1.0, eps=1e-6)
    scaled = losses.scale_invariant_log(prediction * scales, target, variance_focus=1.0, eps=1e-6)
    assert scaled.item() == pytest.approx(loss.item(), abs=1e-9)


@given(seeds, st.floats(0.1, 10))
@settings(max_examples=20, deadline=None)
def test_cosine_equals_torch_and_ignores_length(seed, length):
    prediction, target = unit_vectors(seed), unit_vectors(seed + 1)
    loss = losses.cosine_distance(prediction * length, target).item()
    assert loss == pytest.approx(1 - F.cosine_similarity(prediction, target).mean().item())
    assert losses.cosine_distance(-target, target).item() == pytest.approx(2)


@given(seeds, st.booleans(), st.sampled_from([0.0, 0.1]))
@settings(max_examples=20, deadline=None)
def test_cross_entropy_equals_torch(seed, weighted, smoothing):
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.randn(2, 4, 5, 3, generator=generator, dtype=torch.float64)
    target = torch.randint(0, 4, (2, 5, 3), generator=generator)
    target[0, :2] = 255
    weight = torch.tensor([0.5, 2.0, 1.0, 0.0], dtype=torch.float64) if weighted else None
    ours = losses.cross_entropy(prediction, target, class_weight=weight, label_smoothing=smoothing)
    torchs = F.cross_entropy(prediction, target, weight, ignore_index=255, label_smoothing=smoothing)
    assert ours.item() == pytest.approx(torchs.item())


def test_cross_entropy_is_zero_if_all_classes_have_weight_zero():
    target = torch.zeros(1, 2, 2, dtype=torch.uint8)
    assert losses.cross_entropy(torch.ones(1, 2, 2, 2), target, class_weight=torch.tensor([0.0, 1.0])) == 0


def test_binary_cross_entropy_equals_torch_on_valid_pixels():
    prediction = torch.tensor([0.3, -2.0, 5.0, 1.0]).reshape(1, 1, 2, 2)
    target = torch.tensor([0, 1, 255, 1], dtype=torch.uint8).reshape(1, 2, 2)
    expected = F.binary_cross_entropy_with_logits(torch.tensor([0.3, -2.0, 1.0]), torch.tensor([0.0, 1.0, 1.0]))
    assert losses.binary_cross_entropy(prediction, target).item() == pytest.approx(expected.item())


def test_a_binary_target_out_of_range_raises():
    with pytest.raises(ValueError, match="from 0 to 7, allowed are 0 to 1"):
        losses.binary_cross_entropy(torch.zeros(1, 1, 1, 2), torch.tensor([[[[0, 7]]]]))


def test_perfect_depth_has_finite_gradients():
    target = torch.full((1, 1, 2, 2), 3.0)
    for loss in (losses.l1, losses.inverse_huber, losses.scale_invariant_log):
        prediction = target.clone().requires_grad_()
        value = loss(prediction, target)
        value.backward()
        assert value.item() == 0
        assert prediction.grad.isfinite().all()


@pytest.mark.parametrize("loss", [losses.inverse_huber, losses.scale_invariant_log, losses.l1])
def test_depth_gradients_equal_finite_differences(loss):
    prediction, target = depth_pair(0)
    if loss is losses.inverse_huber:  # no gradient flows through its c, so one distant pixel keeps it fixed
        prediction[0, 0, 0, 0] = 100.0

    def others(values):
        kept = prediction.clone()
        kept[:, :, 1:] = values
        return loss(kept, target)

    assert torch.autograd.gradcheck(others, (prediction[:, :, 1:].clone().requires_grad_(),))


def test_no_gradient_flows_through_the_threshold_of_inverse_huber():
    prediction = torch.tensor([[[[1.0, 10.0]]]], requires_grad=True)
    losses.inverse_huber(prediction, torch.tensor([[[[2.0, 5.0]]]])).backward()  # errors 1 and 5, c = 1
    assert prediction.grad.flatten().tolist() == pytest.approx([-0.5, 2.5])  # sign / 2, (e / c) / 2


def test_zero_can_be_a_valid_label():
    prediction, target = torch.ones(1, 1, 1, 2), torch.tensor([[[[0.0, 3.0]]]])
    assert losses.l1(prediction, target).item() == 2
    assert losses.l1(prediction, target, zero_is_void=False).item() == 1.5
