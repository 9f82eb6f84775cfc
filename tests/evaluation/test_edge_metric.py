"""Edges and saliency: protocols, worker processes, several annotators, labels that are not binary."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement, PixelData

from mtl_plugins.evaluation import EdgeMetric
from mtl_plugins.functional.edges import edge_scores, label_boundaries, thin
from mtl_plugins.registry import METRICS

from ..functional.edges.benchmark_cases import CROPS, MAX_DISTS, benchmark  # noqa: F401


def sample(prediction, label, task="edge", path="a.png"):
    data_sample = BaseDataElement(metainfo=dict(img_path=path))
    data_sample.gt, data_sample.pred = PixelData(**{task: label}), PixelData(**{task: prediction})
    return data_sample


def scores(samples, **config):
    evaluator = Evaluator([METRICS.build(dict(type="EdgeMetric") | config)])
    for each in samples:
        evaluator.process([each])
    return evaluator.evaluate(len(samples))


def scene(seed, height=40, width=52):
    """Boundaries of random regions, and a noisy prediction."""
    generator = np.random.default_rng(seed)
    points = generator.uniform((0, 0), (height, width), (6, 2))
    rows, columns = np.mgrid[:height, :width]
    label = thin(label_boundaries(np.argmin([(rows - y) ** 2 + (columns - x) ** 2 for y, x in points], axis=0)))
    soft = 0.7 * torch.from_numpy(label)[None].float() + 0.3 * torch.from_numpy(generator.random((1, height, width)))
    return sample(soft.float(), torch.from_numpy(label)[None].to(torch.uint8), path=f"{seed}.png")


@pytest.mark.parametrize("max_dist", MAX_DISTS)
def test_it_equals_the_official_scores_of_the_crops(benchmark, max_dist):  # noqa: F811
    """From 8-bit edge maps and the ground truth of SEISM to the scores, with several annotators."""
    samples = []
    for case in CROPS:
        soft = torch.from_numpy(benchmark(case, "edge_u8").astype(np.float32) / 255)[None]
        samples.append(sample(soft + 1e-6, torch.from_numpy((benchmark(case, "seism_gt") > 0).astype(np.uint8))))
    found = scores(samples, protocol="pascal", max_dist=max_dist, workers=0)
    for expected in benchmark.published("seism", "bsds4", max_dist):
        assert found["edge/odsF"] == pytest.approx(100 * expected["odsF"], abs=0.2)
        assert found["edge/oisF"] == pytest.approx(100 * expected["oisF"], abs=0.3)
        assert found["edge/AP"] == pytest.approx(100 * expected["AP"], abs=0.3)


def test_the_protocol_of_nyud_uses_the_outline_of_the_edge_image(shared):
    fixture = np.load(shared("parity/edges") / "nyud_edgepng.npz")
    for key, used in (("edgepng", "gt_used"), ("edgepng", None)):
        label = torch.from_numpy((fixture[key] > 0).astype(np.uint8))[None]
        metric = EdgeMetric(protocol="nyud", workers=0, outline=used is not None)
        counts = metric.statistics(torch.zeros(1, 1, *label.shape[1:]), label[None])[0]
        expected = fixture[used] > 0 if used else thin(fixture[key] > 0)
        assert (counts[:, 1] == int(expected.sum())).all()


def test_worker_processes_and_the_order_of_images_do_not_change_the_scores(monkeypatch):
    samples = [scene(seed) for seed in range(4)]
    expected = scores(samples, workers=0, protocol="pascal")
    assert scores(samples[::-1], workers=0, protocol="pascal") == expected
    assert scores(samples, workers=2, protocol="pascal") == expected
    monkeypatch.setattr("mtl_plugins.evaluation.edge_metric._WAITING", 4000)  # several rounds
    assert scores(samples, workers=2, protocol="pascal") == expected
    assert 0 < expected["edge/odsF"] <= expected["edge/oisF"] < 100


def test_the_fast_estimate_is_close_and_named(capture_log):
    samples = [scene(seed) for seed in range(3)]
    exact, fast = scores(samples, workers=0), scores(samples, fast=True)
    assert "fast estimate with 11 of 101 thresholds" in capture_log()
    assert exact["edge/odsF"] - 5 < fast["edge/odsF"] <= exact["edge/odsF"]


@pytest.mark.parametrize("protocol", ["nyud", "pascal", "bsds"])
def test_the_log_states_the_protocol(protocol):
    metric = EdgeMetric(protocol=protocol, workers=0)
    assert metric.protocol().startswith(f"{protocol} (maxDist 0.01" if protocol == "nyud" else f"{protocol} (maxDist")
    assert ("outline of the label" in metric.protocol()) == (protocol == "nyud")
    assert EdgeMetric(protocol=protocol, thinned=False).protocol().startswith(f"{protocol}, changed")


def test_several_annotators_are_matched_one_by_one():
    one, two = scene(0), scene(1)
    both = torch.cat([one.gt.edge, two.gt.edge])
    metric = EdgeMetric(protocol="bsds", workers=0, thresholds=3)
    counts = metric.statistics(one.pred.edge[None], both[None])[0]
    single = [metric.statistics(one.pred.edge[None], label[None])[0] for label in (one.gt.edge, two.gt.edge)]
    assert torch.equal(counts[:, :2], single[0][:, :2] + single[1][:, :2])
    assert (counts[:, 2] >= torch.maximum(single[0][:, 2], single[1][:, 2])).all()


def test_predictions_are_cut_to_8_bits():
    metric = EdgeMetric(protocol="pascal", workers=0, suppress=False, thresholds=[0.5])
    label = torch.zeros(1, 1, 12, 12, dtype=torch.uint8)
    soft = torch.full((1, 1, 12, 12), 0.5019)  # 127.98 of 255 is cut to 127, which is below 0.5
    assert metric.statistics(soft, label)[0, 0, 3] == 0
    assert metric.statistics(soft + 0.001, label)[0, 0, 3] > 0


@pytest.mark.parametrize(("kind", "task"), [("EdgeMetric", "edge"), ("SaliencyMetric", "saliency")])
def test_a_soft_label_raises_and_names_the_image(kind, task):
    metric = METRICS.build(dict(type=kind))
    soft = torch.full((1, 8, 8), 0.25)
    with pytest.raises(ValueError, match=rf"{task} of soft.png.*value 0.25 in 64 pixels.*binary.*threshold"):
        metric.process(None, [sample(soft, soft, task, "soft.png").to_dict()])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(protocol="nyudv2"), "did you mean 'nyud'"),
        (dict(max_dist=2), "share of the image diagonal"),
        (dict(thresholds=[0.5, 1.0]), "between 0 and 1"),
        (dict(thresholds=0), "at least 1"),
        (dict(workers=-1), "workers=-1"),
    ],
)
def test_wrong_options_raise(options, message):
    with pytest.raises(ValueError, match=message):
        EdgeMetric(**options)


def test_scores_of_the_dataset_are_those_of_the_summed_counts():
    samples = [scene(seed) for seed in range(2)]
    metric = EdgeMetric(protocol="pascal", workers=0)
    counts = [metric.statistics(s.pred.edge[None], s.gt.edge[None])[0].numpy() for s in samples]
    expected = edge_scores(np.stack(counts), metric.thresholds)
    assert scores(samples, protocol="pascal", workers=0)["edge/odsF"] == pytest.approx(100 * expected["odsF"])
