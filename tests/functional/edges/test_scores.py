"""ODS, OIS and AP."""

import numpy as np
import pytest

from mtl_plugins.functional.edges import (
    average_precision,
    edge_counts,
    edge_scores,
    f_measure,
    label_boundaries,
    suppress_non_maxima,
    thin,
)

from .benchmark_cases import CROPS, MAX_DISTS, SETS, benchmark  # noqa: F401

NAMES = ("odsF", "odsR", "odsP", "odsT", "oisF", "oisR", "oisP", "AP")


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("max_dist", MAX_DISTS)
@pytest.mark.parametrize(("pipeline", "key"), [("seism", "seism_cnt"), ("bsds", "bsds_thin")])
def test_official_counts_give_the_official_scores(benchmark, name, max_dist, pipeline, key):  # noqa: F811
    bsds = pipeline == "bsds"
    thresholds = benchmark.bsds_thresholds if bsds else benchmark.seism_thresholds
    for run, expected in enumerate(benchmark.published(pipeline, name, max_dist)):
        counts = [benchmark(case, key) for case in SETS[name]]
        counts = np.stack([c[min(run, len(c) - 1), MAX_DISTS.index(max_dist)] for c in counts])
        scores = edge_scores(counts, thresholds, interpolate=bsds)
        assert {k: scores[k] for k in NAMES} == pytest.approx({k: expected[k] for k in NAMES}, abs=1.01e-6)


def own_counts(benchmark, case, max_dist):  # noqa: F811
    soft = benchmark(case, "edge_u8").astype(np.float32) / np.float32(255)
    truths = [thin(label_boundaries(labels)) for labels in benchmark(case, "gt_label")]
    # rounding noise decides the orientation of its exactly straight edges, and so differs between machines
    orientation = benchmark(case, "seism_orient") if case == "shapes_thick" else None
    return edge_counts(
        suppress_non_maxima(soft, orientation), truths, benchmark.seism_thresholds, max_dist, strict=True
    )


@pytest.mark.parametrize("max_dist", MAX_DISTS)
def test_seism_from_end_to_end_on_the_crops(benchmark, max_dist):  # noqa: F811
    scores = edge_scores([own_counts(benchmark, case, max_dist) for case in CROPS], benchmark.seism_thresholds)
    for expected in benchmark.published("seism", "bsds4", max_dist):
        assert scores["odsF"] == pytest.approx(expected["odsF"], abs=0.002)
        assert scores["oisF"] == pytest.approx(expected["oisF"], abs=0.003)
        assert scores["AP"] == pytest.approx(expected["AP"], abs=0.003)


@pytest.mark.parametrize("max_dist", MAX_DISTS)
@pytest.mark.parametrize(
    ("case", "tolerance"),
    [("voronoi_shift", 0.002), ("voronoi_gaps", 0.002), ("shapes_thick", 0.002), ("tie_identical", 0.005)],
)
def test_seism_from_end_to_end_on_one_case(benchmark, case, tolerance, max_dist):  # noqa: F811
    scores = edge_scores([own_counts(benchmark, case, max_dist)], benchmark.seism_thresholds)
    for counts in benchmark(case, "seism_cnt")[:, MAX_DISTS.index(max_dist)]:
        expected = edge_scores(counts[None], benchmark.seism_thresholds)
        assert scores["odsF"] == pytest.approx(expected["odsF"], abs=tolerance)


def test_the_best_threshold_of_the_dataset_and_of_each_image():
    one = [[9, 10, 9, 18], [8, 10, 8, 10]]  # precision and recall of the second threshold are 0.8
    two = [[9, 10, 9, 10], [1, 10, 1, 1]]
    scores = edge_scores(np.array([one, two]), np.array([0.3, 0.6]))
    assert scores["odsT"] == 0.3 and scores["odsF"] == pytest.approx(2 * 18 / (20 + 28))
    assert scores["oisF"] == pytest.approx(2 * 17 / (20 + 20))


def test_the_conventions_for_empty_images_differ():
    nothing_predicted = np.array([[[0, 10, 0, 0]]])
    no_edges = np.array([[[0, 0, 0, 7]]])
    for counts, seism in ((nothing_predicted, (0, 1)), (no_edges, (1, 0))):
        scores = edge_scores(counts, np.array([0.5]))
        assert (scores["odsR"], scores["odsP"], scores["odsF"]) == (*seism, 0)
        scores = edge_scores(counts, np.array([0.5]), interpolate=True)
        assert (scores["odsR"], scores["odsP"], scores["odsF"]) == (0, 0, 0)


def test_interpolation_finds_a_better_point_between_two_thresholds():
    counts = np.array([[[10, 10, 10, 40], [4, 10, 4, 4]]])
    thresholds = np.array([0.2, 0.4])
    between = edge_scores(counts, thresholds, interpolate=True)
    assert 0.2 < between["odsT"] < 0.4 and between["odsF"] > edge_scores(counts, thresholds)["odsF"]


def test_average_precision_is_the_area():
    recall, precision = np.linspace(1, 0, 5), np.linspace(0.5, 1, 5)
    assert average_precision(recall, precision) == pytest.approx(0.75 * 101 / 100)
    assert average_precision(np.ones(3), np.ones(3)) == 0  # a single recall spans no area


def test_f_measure_of_nothing_is_zero():
    assert f_measure(0.0, 0.0) == 0 and f_measure(0.5, 1.0) == pytest.approx(2 / 3)
