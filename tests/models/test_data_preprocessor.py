"""Batching and normalisation, compared with NumPy."""

import numpy as np
import pytest
import torch

from mtl_plugins.registry import MODELS

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def build(**options):
    return MODELS.build(dict(type="MultiTaskDataPreprocessor", **options))


def images(*sizes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=generator) for size in sizes]


def by_numpy(image):
    return (image.numpy() / 255 - MEAN[:, None, None]) / STD[:, None, None]


def test_normalisation_equals_numpy():
    batch = images((5, 7), (5, 7))
    out = build()({"inputs": batch, "data_samples": [1, 2]})
    assert out["inputs"].dtype == torch.float32 and out["data_samples"] == [1, 2]
    np.testing.assert_allclose(out["inputs"], np.stack([by_numpy(image) for image in batch]), atol=1e-5)


def test_custom_mean_and_std():
    [image] = images((4, 4))
    out = build(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))({"inputs": [image]})["inputs"]
    np.testing.assert_allclose(out[0], image.numpy() / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("channels_last", [True, False])
def test_memory_format(channels_last):
    out = build(channels_last=channels_last)({"inputs": images((5, 7), (5, 7))})["inputs"]
    layout = torch.channels_last if channels_last else torch.contiguous_format
    assert out.is_contiguous(memory_format=layout)


def test_mixed_sizes_are_padded_with_near_zero_at_right_and_bottom():
    batch = images((5, 7), (3, 9))
    out = build()({"inputs": batch})["inputs"]
    assert out.shape == (2, 3, 5, 9)
    for padded, image in zip(out, batch, strict=True):
        height, width = image.shape[1:]
        np.testing.assert_allclose(padded[:, :height, :width], by_numpy(image), atol=1e-5)
        rest = padded.clone()
        rest[:, :height, :width] = 0
        assert rest.abs().max() < 0.01


def test_a_stacked_batch_is_accepted_and_not_modified():
    batch = torch.stack(images((5, 7), (5, 7)))
    floats = batch.float().contiguous(memory_format=torch.channels_last)
    before = floats.clone()
    preprocessor = build()
    assert torch.equal(preprocessor({"inputs": batch})["inputs"], preprocessor({"inputs": floats})["inputs"])
    assert torch.equal(floats, before)


def test_mean_and_std_are_not_in_the_state_dict():
    assert not build().state_dict()


@pytest.mark.parametrize("name", ["mean", "std"])
@pytest.mark.parametrize(
    "values", [(0.2,), (0.2, 0.2), (0.2,) * 4, (), 0.2, "abc", (0.2, float("nan"), 0.2), (0.2, -0.1, 0.2)]
)
def test_mean_and_std_must_be_three_numbers_in_0_to_1(name, values):
    with pytest.raises(ValueError, match=rf"data_preprocessor\.{name}=.* must be three numbers") as raised:
        build(**{name: values})
    assert "255" not in str(raised.value)


@pytest.mark.parametrize("name, values", [("mean", (123.675, 116.28, 103.53)), ("std", (58.395, 57.12, 57.375))])
def test_mean_and_std_of_0_to_255_get_a_hint(name, values):
    with pytest.raises(ValueError, match=rf"{name}=\(.*divide them by 255, which gives \(0\.") as raised:
        build(**{name: values})
    divided = tuple(round(value / 255, 4) for value in values)
    assert str(divided) in str(raised.value)


def test_mean_may_be_0_and_std_may_not():
    assert build(mean=[0, 0, 0], std=[1, 1, 1]).mean_rgb == (0, 0, 0)
    with pytest.raises(ValueError, match="std=.* above 0 and at most 1"):
        build(std=(0, 1, 1))
