"""Confusion matrices and segmentation scores."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from mtl_plugins.functional.segmentation_metrics import confusion_matrices, confusion_matrix, segmentation_scores

CLASSES = 5


def class_maps(seed, dtype=torch.uint8, n=3, low=0, high=CLASSES):
    generator = torch.Generator().manual_seed(seed)
    prediction, target = torch.randint(low, high, (2, n, 1, 6, 7), generator=generator)
    target[torch.rand(target.shape, generator=generator) < 0.2] = 255
    target[:, 0, 0, 0] = low
    return prediction.to(dtype), target.to(dtype)


@given(seed=st.integers(0, 2**31), dtype=st.sampled_from([torch.uint8, torch.int16, torch.int32, torch.int64]))
@settings(max_examples=25, deadline=None)
def test_equals_scikit_learn(seed, dtype):
    prediction, target = class_maps(seed, dtype, low=seed % 3)  # in some sets the first classes do not occur
    p, t = prediction[target != 255].numpy(), target[target != 255].numpy()
    confusion = confusion_matrix(prediction, target, CLASSES)
    assert confusion.dtype == torch.int64
    np.testing.assert_array_equal(confusion, sklearn.confusion_matrix(t, p, labels=range(CLASSES)))

    scores = segmentation_scores(confusion)
    occurring = np.union1d(p, t)
    iou = sklearn.jaccard_score(t, p, labels=occurring, average=None)
    assert scores["mIoU"] == pytest.approx(100 * iou.mean())
    np.testing.assert_allclose(np.array(scores["IoU"])[occurring], 100 * iou)
    assert np.isnan(np.delete(scores["IoU"], occurring)).all()
    assert scores["pixAcc"] == pytest.approx(100 * sklearn.accuracy_score(t, p))
    truth = np.unique(t)
    assert scores["mAcc"] == pytest.approx(
        100 * sklearn.recall_score(t, p, labels=truth, average="macro", zero_division=0)
    )


@given(seed=st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_a_batch_equals_its_samples(seed):
    prediction, target = class_maps(seed)
    batch = confusion_matrices(prediction, target, CLASSES)
    single = torch.stack([confusion_matrix(p, t, CLASSES) for p, t in zip(prediction, target, strict=True)])
    assert torch.equal(batch, single)
    assert torch.equal(batch.sum(0), confusion_matrix(prediction, target, CLASSES))


def test_predictions_on_void_pixels_do_not_count():
    prediction, target = class_maps(0)
    other = prediction.masked_fill(target == 255, 200)  # not a valid class
    assert torch.equal(confusion_matrices(prediction, target, CLASSES), confusion_matrices(other, target, CLASSES))


def test_pinned_values():
    scores = segmentation_scores(torch.tensor([[3, 1, 0], [0, 4, 0], [0, 0, 0]]))
    assert scores["mIoU"] == pytest.approx(100 * (3 / 4 + 4 / 5) / 2)
    assert scores["pixAcc"] == pytest.approx(100 * 7 / 8)
    assert scores["mAcc"] == pytest.approx(100 * (3 / 4 + 1) / 2)


def test_scores_of_an_empty_confusion_matrix_are_nan():
    scores = segmentation_scores(torch.zeros(3, 3, dtype=torch.int64))
    assert all(np.isnan(scores[name]) for name in ("mIoU", "pixAcc", "mAcc"))


@pytest.mark.parametrize("what", ["target", "prediction"])
def test_an_unknown_class_id_raises(what):
    maps = dict(prediction=torch.zeros(2, 3, dtype=torch.uint8), target=torch.zeros(2, 3, dtype=torch.uint8))
    maps[what][1, 2] = 7
    with pytest.raises(ValueError, match=rf"class ids \[7\] in the {what}, allowed are 0 to 4"):
        confusion_matrix(maps["prediction"], maps["target"], CLASSES)


def test_maps_of_different_shapes_raise():
    with pytest.raises(ValueError, match="the same shape"):
        confusion_matrices(torch.zeros(1, 2, 2), torch.zeros(1, 2, 3), CLASSES)
