"""Segment ids, targets, grouping, files and panoptic quality, against slow references."""

import numpy as np
import pytest
import torch

from mtl_plugins.functional.panoptic import (
    PANOPTIC_VOID,
    centre_heat_map,
    decode_panoptic,
    encode_panoptic,
    find_centres,
    group_instances,
    instance_offsets,
    join_segments,
    panoptic_map,
    panoptic_scores,
    panoptic_statistics,
    split_segments,
)


def random_segments(seed, size=(24, 30), classes=4, void=True):
    """Overlapping rectangles: class 0 is stuff; others have instances."""
    rng = np.random.default_rng(seed)
    ids = np.zeros(size, np.int64)
    for n in range(1, 9):
        y, x = rng.integers(0, size[0] - 3), rng.integers(0, size[1] - 3)
        h, w = rng.integers(3, 12, 2)
        ids[y : y + h, x : x + w] = rng.integers(1, classes) * 1000 + n
    if void:
        ids[:3, :9] = PANOPTIC_VOID
    return torch.from_numpy(ids)[None, None]


def test_ids_are_joined_and_split():
    ids = random_segments(0)
    classes, instances = split_segments(ids)
    assert torch.equal(join_segments(classes, instances), ids.int())
    assert (classes[ids == PANOPTIC_VOID] == 255).all() and (instances[ids == PANOPTIC_VOID] == 0).all()


@pytest.mark.parametrize("number, message", [(1000, "0 to 999"), (-1, "numbers are -1"), (255, "which means void")])
def test_instances_out_of_range_raise(number, message):
    with pytest.raises(ValueError, match=message):
        join_segments(torch.tensor([0, 0]), torch.tensor([0, number]))


def test_ids_are_restored_from_colours():
    ids = random_segments(1)
    rgb = encode_panoptic(ids[0, 0].numpy())
    assert rgb.shape == (24, 30, 3) and rgb.dtype == np.uint8
    assert torch.equal(decode_panoptic(torch.from_numpy(rgb).permute(2, 0, 1)), ids[0].int())


def test_targets_equal_a_slow_reference():
    ids = torch.cat([random_segments(seed) for seed in range(3)])
    sigma = 0.05
    heat, (offsets, things) = centre_heat_map(ids, sigma), instance_offsets(ids)
    height, width = ids.shape[-2:]
    for n, image in enumerate(ids[:, 0]):
        expected_heat = torch.zeros(height, width)
        for number in image.unique().tolist():
            if number == PANOPTIC_VOID or number % 1000 == 0:
                continue
            places = (image == number).nonzero().float()
            centre = places.mean(0)
            for y, x in places.long().tolist():
                assert things[n, 0, y, x]
                expected = (centre - torch.tensor([y, x])) / torch.tensor([height, width])
                torch.testing.assert_close(offsets[n, :, y, x], expected, atol=1e-6, rtol=1e-5)
            y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
            square = (y - centre[0].round()) ** 2 + (x - centre[1].round()) ** 2
            expected_heat = torch.maximum(expected_heat, torch.exp(-square / (2 * (sigma * width) ** 2)))
        torch.testing.assert_close(heat[n, 0], expected_heat)
    assert torch.equal(things, (ids % 1000 > 0) & (ids != PANOPTIC_VOID))
    assert (offsets * ~things == 0).all()


def test_an_image_without_instances_has_empty_targets():
    ids = torch.zeros(1, 1, 4, 5, dtype=torch.int64)
    heat, (offsets, things) = centre_heat_map(ids, 0.1), instance_offsets(ids)
    assert not heat.any() and not offsets.any() and not things.any()


def test_centres_are_the_local_maxima_in_order():
    heat = torch.zeros(20, 30)
    heat[4, 5], heat[4, 7], heat[15, 20], heat[0, 29] = 0.5, 0.4, 0.9, 0.05
    assert find_centres(heat).tolist() == [[4, 5], [15, 20]]
    assert find_centres(heat, window=3).tolist() == [[4, 5], [4, 7], [15, 20]]
    assert find_centres(heat, most=1).tolist() == [[15, 20]]


def test_pixels_are_grouped_by_where_their_offset_points():
    things = torch.ones(1, 6, dtype=torch.bool)
    things[0, 5] = False
    offsets = torch.zeros(2, 1, 6)
    offsets[1, 0] = torch.tensor([0.0, -1.0, 2.6, 1.0, 0.0, 0.0])
    numbers = group_instances(things, torch.tensor([[0, 0], [0, 4]]), offsets)
    assert numbers.tolist() == [[1, 1, 2, 2, 2, 0]]
    assert not group_instances(things, torch.zeros(0, 2, dtype=torch.int64), offsets).any()


def scores_of(ids, num_classes, sigma=0.04):
    """The scores of a perfect network."""
    classes, instances = split_segments(ids.clone().masked_fill(ids == PANOPTIC_VOID, 0))
    heat, (offsets, things) = centre_heat_map(ids, sigma), instance_offsets(ids)
    one_hot = torch.nn.functional.one_hot(classes[:, 0].long(), num_classes).permute(0, 3, 1, 2).float()
    size = offsets.new_tensor(ids.shape[-2:]).view(2, 1, 1)
    return torch.cat([one_hot * things, one_hot * ~things, heat, offsets * size], dim=1)


def two_chairs(size=(24, 40)):
    ids = torch.zeros(1, 1, *size, dtype=torch.int64)
    ids[..., 5:15, 4:14], ids[..., 8:20, 22:36] = 2001, 2002
    return ids


def test_perfect_scores_give_the_label():
    ids = two_chairs()
    found = panoptic_map(scores_of(ids, 3))
    assert found.dtype == torch.int32 and found.shape == ids.shape
    assert panoptic_statistics(found, ids, 3).sum(0).tolist() == [[1, 1, 0, 0, 0], [0] * 5, [2, 2, 0, 0, 2]]


def test_an_object_gets_the_class_of_most_of_its_pixels():
    scores = scores_of(two_chairs(), 3)
    scores[:, 1, 5:8, 4:14], scores[:, 2, 5:8, 4:14] = 1, 0  # a part of the first chair looks like class 1
    found = panoptic_map(scores)[0, 0]
    assert set((found[5:15, 4:14] // 1000).unique().tolist()) == {2}


def test_objects_without_any_centre_are_void():
    scores = scores_of(two_chairs(), 3)
    scores[:, -3] = 0
    found = panoptic_map(scores)
    assert torch.equal(found == PANOPTIC_VOID, two_chairs() > 0) and (found[two_chairs() == 0] == 0).all()


def slow_statistics(prediction, target, num_classes):
    """The definition, segment by segment."""
    found = np.zeros((num_classes, 5))
    void = target == PANOPTIC_VOID
    used = set()
    for segment in set(target[~void].tolist()):
        c, mask = segment // 1000, target == segment
        found[c, 4] += segment % 1000 > 0
        for other in set(prediction.ravel().tolist()) - {PANOPTIC_VOID}:
            mine = prediction == other
            union = ((mask | mine) & ~void).sum()
            iou = (mask & mine).sum() / union if union else 0
            if other // 1000 == c and iou > 0.5:
                found[c, 0] += iou
                found[c, 1] += 1
                used.add(other)
                break
        else:
            found[c, 3] += 1
    for other in set(prediction.ravel().tolist()) - used - {PANOPTIC_VOID}:
        mine = prediction == other
        if (mine & void).sum() / mine.sum() <= 0.5:
            found[other // 1000, 2] += 1
    return found


@pytest.mark.parametrize("seed", range(12))
def test_statistics_equal_a_slow_reference(seed):
    target = random_segments(seed)
    prediction = target.roll((seed % 4, seed % 3), (-2, -1)).clone()
    prediction[0, 0, 10:13] = PANOPTIC_VOID
    prediction[prediction == 1003] = 2003
    found = panoptic_statistics(prediction, target, 4)
    assert found.shape == (1, 4, 5)
    np.testing.assert_allclose(found[0], slow_statistics(prediction[0, 0].numpy(), target[0, 0].numpy(), 4))


def test_scores_follow_the_definition():
    statistics = torch.tensor([[1.6, 2, 1, 1, 0], [0, 0, 1, 0, 3], [0, 0, 0, 0, 0]], dtype=torch.float64)
    scores = panoptic_scores(statistics)
    assert scores["PQ"][:2].tolist() == pytest.approx([100 * 1.6 / 3, 0])
    assert scores["SQ"][:2].tolist() == pytest.approx([80, 0])
    assert scores["RQ"][:2].tolist() == pytest.approx([200 / 3, 0])
    assert scores["PQ"][2].isnan() and scores["things"].tolist() == [False, True, False]
