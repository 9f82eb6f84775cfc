"""The registered metrics in mmengine's Evaluator, compared with the pure functions."""

import math
import pickle

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement, PixelData

from mtl_plugins.evaluation import DepthMetric, NormalsMetric, SegmentationMetric, TaskMetric
from mtl_plugins.evaluation.depth_protocol import SCANS
from mtl_plugins.functional.depth_metrics import depth_scores, depth_statistics
from mtl_plugins.functional.normal_metrics import normal_scores, normal_statistics
from mtl_plugins.functional.segmentation_metrics import confusion_matrix, segmentation_scores
from mtl_plugins.registry import METRICS

from ..contracts.metric_contract import MetricContract

CLASSES = ("wall", "floor", "chair")
PAIR = "kitti-eigen-80", "kitti-eigen-80-scans"


class TestSegmentationMetric(MetricContract):
    config = dict(type="SegmentationMetric")
    meta = dict(classes=CLASSES)
    perfect = dict(mIoU=100, pixAcc=100, mAcc=100)

    def label(self, generator, height, width):
        return torch.randint(0, 3, (1, height, width), generator=generator, dtype=torch.uint8)

    def void(self, label, mask):
        return label.masked_fill(mask, 255)


class TestDepthMetric(MetricContract):
    config = dict(type="DepthMetric")
    perfect = dict(rmse=0, rmse_log=0, abs_rel=0, sq_rel=0, silog=0, delta1=1, delta2=1, delta3=1)

    def label(self, generator, height, width):
        return torch.rand(1, height, width, generator=generator) * 9 + 0.5

    def void(self, label, mask):
        return label.masked_fill(mask, 0)


class TestDepthMetricByImage(TestDepthMetric):
    config = dict(type="DepthMetric", average="image")


class TestNormalsMetric(MetricContract):
    config = dict(type="NormalsMetric")
    perfect = {"mean": 0, "median": 0.025, "rmse": 0, "11.25": 100, "22.5": 100, "30": 100}
    most_bytes = 20000

    def label(self, generator, height, width):
        return torch.nn.functional.normalize(torch.randn(3, height, width, generator=generator), dim=0)

    def void(self, label, mask):
        return label.masked_fill(mask, 0)


class TestEdgeMetric(MetricContract):
    # the steps of the protocols change small maps near their border
    config = dict(type="EdgeMetric", protocol="bsds", suppress=False, thinned=False, workers=0)
    perfect = dict(odsF=100, oisF=100)
    most_bytes = 3000

    def label(self, generator, height, width):
        label = torch.rand(1, height, width, generator=generator) < 0.3
        return label.to(torch.uint8)

    def void(self, label, mask):
        return label.masked_fill(mask, 255)


class TestEdgeMetricOfMaps(TestEdgeMetric):
    config = dict(type="EdgeMetric", protocol="pascal", workers=0)
    perfect = dict()
    void_value = float("nan")

    def label(self, generator, height, width):
        return super().label(generator, height, width).float()

    def void(self, label, mask):
        return label.masked_fill(mask, torch.nan)


class TestSaliencyMetric(MetricContract):
    config = dict(type="SaliencyMetric")
    perfect = dict(maxF=100, MAE=0, Sm=1)

    def label(self, generator, height, width):
        label = torch.rand(1, height, width, generator=generator) < 0.4
        return label.to(torch.uint8)

    def void(self, label, mask):
        return label.masked_fill(mask, 255)


CONFIG = [dict(type="SegmentationMetric"), dict(type="DepthMetric"), dict(type="NormalsMetric")]


def labels(generator, height=6, width=7):
    depth = torch.rand(1, height, width, generator=generator) * 9 + 0.5
    return dict(
        semseg=torch.randint(0, 3, (1, height, width), generator=generator, dtype=torch.uint8),
        depth=depth.masked_fill(torch.rand(depth.shape, generator=generator) < 0.2, 0),
        normals=torch.nn.functional.normalize(torch.randn(3, height, width, generator=generator), dim=0),
    )


def sample(seed, tasks=("semseg", "depth", "normals"), **size):
    """A data sample after prediction: predictions of every task, labels only of `tasks`."""
    generator = torch.Generator().manual_seed(seed)
    gt, pred = labels(generator, **size), labels(generator, **size)
    pred["depth"] = pred["depth"] + 0.1
    data_sample = BaseDataElement(metainfo=dict(img_path=f"img{seed}.png"))
    data_sample.gt = PixelData(**{task: gt[task] for task in tasks})
    data_sample.pred = PixelData(**pred)
    return data_sample


def mixed_set():
    """Images of two sizes; some have missing labels, and one has no label."""
    return [
        sample(0),
        sample(1, tasks=("depth",)),
        sample(2, tasks=("semseg", "normals"), height=4),
        sample(3, tasks=("semseg",)),
        sample(4, tasks=()),
        sample(5),
        sample(6, tasks=("normals", "depth"), height=4),
    ]


def evaluator(config=CONFIG):
    evaluator = Evaluator([METRICS.build(metric) for metric in config])
    evaluator.dataset_meta = dict(classes=CLASSES)
    return evaluator


def evaluated(samples, batch=3, config=CONFIG):
    judge = evaluator(config)
    for start in range(0, len(samples), batch):
        judge.process(samples[start : start + batch])
    assert all(len(metric.results) == len(samples) for metric in judge.metrics)  # one result per image
    return judge.evaluate(len(samples))


def of(task, samples):
    return [(s.pred.get(task), s.gt.get(task)) for s in samples if task in s.gt]


def by_hand(samples):
    confusion = sum(confusion_matrix(p, t, len(CLASSES)) for p, t in of("semseg", samples))
    segmentation = segmentation_scores(confusion)
    depth = torch.cat([depth_statistics(p[None].double(), t[None], t[None] > 0) for p, t in of("depth", samples)])
    normals = [normal_statistics(p[None], t[None]) for p, t in of("normals", samples)]
    sums, histograms = map(torch.cat, zip(*normals, strict=True))
    scores = {f"semseg/{name}": segmentation[name] for name in ("mIoU", "pixAcc", "mAcc")}
    scores |= {f"depth/{name}": score for name, score in depth_scores(depth).items()}
    return scores | {f"normals/{name}": score for name, score in normal_scores(sums, histograms).items()}


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_the_evaluator_agrees_with_the_functions(batch):
    samples = mixed_set()
    assert evaluated(samples, batch) == pytest.approx(by_hand(samples), rel=1e-12)


def test_public_keys():
    keys = set(evaluated(mixed_set()))
    assert {"semseg/mIoU", "semseg/pixAcc", "semseg/mAcc"} <= keys
    names = ("rmse", "rmse_log", "abs_rel", "sq_rel", "silog", "delta1", "delta2", "delta3")
    assert {f"depth/{name}" for name in names} <= keys
    assert {f"normals/{name}" for name in ("mean", "median", "11.25", "22.5", "30")} <= keys
    assert len(keys) == 3 + 8 + 6


@pytest.mark.parametrize("average", ["pixel", "image"])
def test_merged_results_of_two_ranks_equal_one_process(average):
    """Two ranks with interleaved, padded slices; results are pickled, merged and cut to the size of the dataset."""
    samples = mixed_set()
    config = [CONFIG[0], dict(CONFIG[1], average=average), CONFIG[2]]
    expected = evaluated(samples, config=config)
    ranks = [evaluator(config), evaluator(config)]
    ranks[0].process(samples[0::2])
    ranks[1].process([*samples[1::2], samples[0]])  # padded to the same length
    merged = {}
    for metric, *others in zip(ranks[0].metrics, ranks[1].metrics, strict=True):
        parts = [pickle.loads(pickle.dumps(m.results)) for m in (metric, *others)]
        results = [result for pair in zip(*parts, strict=True) for result in pair][: len(samples)]
        merged |= {f"{metric.prefix}/{k}": v for k, v in metric.compute_metrics(results).items()}
    assert merged == expected


def test_results_per_image_are_small():
    judge = evaluator()
    judge.process([sample(i, height=60, width=80) for i in range(4)])
    for metric, limit in zip(judge.metrics, (1000, 1000, 20000), strict=True):
        assert max(len(pickle.dumps(result)) for result in metric.results) < limit


def test_dicts_and_data_elements_give_equal_scores():
    samples = mixed_set()
    judge = evaluator()
    for metric in judge.metrics:
        metric.process(None, [{"gt": s.gt, "pred": s.pred} for s in samples])
    assert judge.evaluate(len(samples)) == evaluated(samples, batch=len(samples))


def test_without_labels_scores_are_nan_with_a_warning(capture_log):
    scores = evaluated([sample(i, tasks=("semseg", "normals")) for i in range(3)])
    assert all(math.isnan(scores[f"depth/{name}"]) for name in DepthMetric.score_names)
    assert not math.isnan(scores["semseg/mIoU"])
    assert "WARNING - depth: none of the 3 images has both a label and a prediction" in capture_log()


def test_void_labels_count_as_missing():
    void = sample(9)
    void.gt.semseg[:] = 255
    void.gt.depth[:] = 0
    void.gt.normals[:] = 0
    samples = mixed_set()
    assert evaluated([*samples, void]) == evaluated(samples)
    assert all(math.isnan(score) for score in evaluated([void]).values())


def test_a_size_mismatch_raises_and_names_the_image():
    wrong = sample(3)
    wrong.pred = PixelData(semseg=wrong.pred.semseg[:, 1:])
    with pytest.raises(ValueError, match=r"semseg of img3.png: .*\(1, 5, 7\).*\(1, 6, 7\)"):
        evaluator().process([wrong])


def test_missing_class_names_raise():
    metric = SegmentationMetric()
    with pytest.raises(ValueError, match="METAINFO"):
        metric.process(None, [sample(0).to_dict()])
    metric = SegmentationMetric(classes=3)
    metric.process(None, [sample(0).to_dict()])
    assert metric.classes == ["0", "1", "2"]


def test_a_task_other_than_semseg_may_have_classes_in_task_classes():
    meta = dict(classes=("wall", "floor"), task_classes=dict(parts=("head", "arm", "leg")))
    metrics = [SegmentationMetric(task) for task in ("semseg", "parts", "rooms")]
    for metric in metrics:
        metric.dataset_meta = meta
    assert [metric.classes for metric in metrics] == [["wall", "floor"], ["head", "arm", "leg"], ["wall", "floor"]]


def test_scores_per_class_are_logged_and_optionally_returned(capture_log):
    samples = mixed_set()
    scores = evaluated(samples, config=[dict(type="SegmentationMetric", per_class_keys=True)])
    confusion = sum(confusion_matrix(p, t, len(CLASSES)) for p, t in of("semseg", samples))
    iou = segmentation_scores(confusion)["IoU"]
    assert [scores[f"semseg/IoU/{name}"] for name in CLASSES] == iou
    log = capture_log()
    for name, value in zip(CLASSES, iou, strict=True):
        row = next(line for line in log.splitlines() if line.startswith(name))
        assert f"{value:.2f}" in row


def test_the_protocol_is_logged(capture_log):
    config = [dict(type="DepthMetric", crop="eigen", max_depth=8, average="image")]
    evaluated(mixed_set(), config=config)
    assert "depth: nyud, changed (Eigen crop, 0.001-8 m, image-wise average), 4 images" in capture_log()


def test_predictions_are_clamped_and_labels_capped():
    data_sample = sample(0)
    data_sample.gt = PixelData(depth=torch.tensor([[[2.0, 3.0, 50.0]]]))
    data_sample.pred = PixelData(depth=torch.tensor([[[-7.0, 99.0, 50.0]]]))
    scores = evaluated([data_sample], config=[dict(type="DepthMetric", min_depth=1, max_depth=5)])
    assert scores["depth/rmse"] == pytest.approx(math.sqrt((1 + 4) / 2))


def test_the_crop_is_applied():
    data_sample = sample(0)
    depth = torch.full((1, 48, 64), 2.0)
    prediction = depth.clone()
    prediction[:, 0] += 1  # outside of the crop
    data_sample.gt, data_sample.pred = PixelData(depth=depth), PixelData(depth=prediction)
    assert evaluated([data_sample])["depth/rmse"] > 0
    assert evaluated([data_sample], config=[dict(type="DepthMetric", crop="eigen")])["depth/rmse"] == 0


def test_two_tasks_of_one_kind_have_separate_keys():
    data_sample = sample(0)
    data_sample.gt.parts = data_sample.pred.parts = data_sample.gt.semseg
    config = [dict(type="SegmentationMetric"), dict(type="SegmentationMetric", task="parts", classes=CLASSES)]
    scores = evaluated([data_sample], config=config)
    assert scores["parts/mIoU"] == 100 > scores["semseg/mIoU"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(crop="kb"), "allowed are None, 'eigen', 'garg'"),
        (dict(average="mean"), "allowed are 'pixel', 'image'"),
        (dict(min_depth=0), "0 < min_depth < max_depth"),
        (dict(protocol="kitti-eigen"), "did you mean 'kitti-eigen-.0' or 'kitti-eigen-.0'"),
    ],
)
def test_invalid_depth_protocols_raise(settings, message):
    with pytest.raises(ValueError, match=message):
        DepthMetric(**settings)


def test_a_named_protocol_equals_its_settings(capture_log):
    outdoors = sample(0)
    outdoors.gt.depth, outdoors.pred.depth = 9 * outdoors.gt.depth, 9 * outdoors.pred.depth
    named = evaluated([outdoors], config=[dict(type="DepthMetric", protocol="kitti-eigen-50")])
    assert "depth: kitti-eigen-50 (Garg crop, 0.001-50 m, image-wise average), 1 images" in capture_log()
    settings = dict(crop="garg", min_depth=1e-3, max_depth=50.0, average="image")
    assert named == evaluated([outdoors], config=[dict(type="DepthMetric", **settings)])
    assert named != evaluated([outdoors], config=[dict(type="DepthMetric", protocol="kitti-eigen-80")])


def test_the_protocol_of_scans_names_other_labels():
    outdoors = sample(0)
    outdoors.gt.depth, outdoors.pred.depth = 9 * outdoors.gt.depth, 9 * outdoors.pred.depth
    scores = {name: evaluated([outdoors], config=[dict(type="DepthMetric", protocol=name)]) for name in PAIR}
    assert len({tuple(found.items()) for found in scores.values()}) == 1  # the same pixels
    metric = DepthMetric(protocol=PAIR[1])
    metric.dataset_meta = dict(depth_source=SCANS)
    assert metric.protocol() == f"{PAIR[1]} (Garg crop, 0.001-80 m, image-wise average; single laser scans)"
    metric.dataset_meta = dict(depth_source="improved ground truth")
    assert metric.protocol().endswith("; improved ground truth instead of single laser scans)")


def test_each_dataset_has_separate_scores():
    indoors, outdoors = sample(0), sample(1)
    indoors.set_metainfo(dict(dataset="nyud")), outdoors.set_metainfo(dict(dataset="kitti"))
    config = [
        dict(type="SegmentationMetric", dataset="nyud"),
        dict(type="DepthMetric", dataset="nyud"),
        dict(type="DepthMetric", dataset="kitti", protocol="kitti"),
    ]
    judge = Evaluator([METRICS.build(metric) for metric in config])
    judge.dataset_meta = dict(classes=("sky",), datasets=dict(nyud=dict(classes=CLASSES), kitti=dict(classes=("sky",))))
    judge.process([indoors, outdoors])
    scores = judge.evaluate(2)
    single = evaluated([indoors])
    assert scores["nyud/semseg/mIoU"] == single["semseg/mIoU"] and scores["nyud/depth/rmse"] == single["depth/rmse"]
    outdoors_only = evaluated([outdoors], config=[dict(type="DepthMetric", protocol="kitti")])
    assert scores["kitti/depth/rmse"] == outdoors_only["depth/rmse"]
    assert not any(key.startswith(("semseg/", "depth/", "kitti/semseg")) for key in scores)


def test_an_unknown_dataset_raises_before_the_first_image():
    judge = Evaluator([METRICS.build(dict(type="DepthMetric", dataset="nyudd"))])
    with pytest.raises(ValueError, match="DepthMetric scores the dataset 'nyudd', but the datasets are: nyud, kitti"):
        judge.dataset_meta = dict(datasets=dict(nyud={}, kitti={}))


def test_a_task_without_a_head_is_skipped(capture_log):
    data_sample = sample(0)
    data_sample.pred = PixelData(semseg=data_sample.pred.semseg)
    scores = evaluated([data_sample])
    assert not math.isnan(scores["semseg/mIoU"]) and not any(key.startswith("depth/") for key in scores)
    assert "depth: skipped, the model has no head for it" in capture_log() and "WARNING" not in capture_log()


def test_score_names_are_the_keys_of_scores():
    samples = mixed_set()
    scores = evaluated(samples)
    for metric in (SegmentationMetric, DepthMetric, NormalsMetric):
        prefix = metric().prefix
        assert [f"{prefix}/{name}" for name in metric.score_names] == [
            key for key in scores if key.startswith(prefix + "/")
        ]


class CountMetric(TaskMetric):
    """A metric whose predictions and labels are trees of different structure."""

    score_names = ("agreement",)

    def statistics(self, prediction, target):
        return (prediction["count"] == target).float().flatten(1).mean(1) + 0 * prediction["map"].sum(dim=(1, 2, 3))

    def scores(self, results):
        return {"agreement": torch.stack(results).mean().item()}

    def protocol(self):
        return "share of images with the right count"


def test_predictions_may_be_trees_and_labels_one_vector_per_image():
    metric = CountMetric("cars")
    samples = [
        dict(
            gt=dict(cars=torch.tensor([i])),
            pred=dict(cars=dict(count=torch.tensor([i if i < 3 else 0]), map=torch.rand(1, 4, 4 + i % 2))),
        )
        for i in range(4)
    ]
    metric.process(None, samples)
    assert metric.evaluate(4) == {"cars/agreement": 0.75}


def test_a_dataset_that_no_image_belongs_to():
    config = [dict(type="DepthMetric", dataset="kitti")]
    with pytest.raises(ValueError, match="scores the dataset 'kitti', but none of the 1 images belongs to it"):
        evaluated([sample(0)], config=config)


def void_sample(seed):
    void = sample(seed)
    void.gt.semseg = torch.full_like(void.gt.semseg, 255)
    void.gt.depth, void.gt.normals = torch.zeros_like(void.gt.depth), torch.zeros_like(void.gt.normals)
    return void


def test_labels_without_a_valid_pixel_are_named(capture_log):
    scores = evaluated([void_sample(0), void_sample(1)])
    assert all(math.isnan(scores[key]) for key in ("semseg/mIoU", "depth/rmse", "normals/mean"))
    log = capture_log()
    assert "semseg: mIoU, pixAcc, mAcc of 2 labelled images is not a number: all pixels of their labels are void" in log
    assert "of 2 labelled images is not a number: no label has a reading that counts (no crop, 0.001-10 m" in log
    assert "of 2 labelled images is not a number: no pixel of their labels has a normal" in log


def test_predictions_that_are_not_finite_are_named(capture_log):
    spoilt = sample(0)
    spoilt.pred.depth = torch.full_like(spoilt.pred.depth, float("nan"))
    evaluated([spoilt])
    assert "of 1 labelled images is not a number: predictions are not finite." in capture_log()


def test_the_protocol_states_another_size_than_the_stored_one(capture_log):
    resized, unchanged = sample(0), sample(1)
    resized.set_metainfo(dict(stored_shape=(60, 70))), unchanged.set_metainfo(dict(stored_shape=(6, 7)))
    evaluated([unchanged])
    assert "instead of the stored" not in capture_log()
    judge = evaluator([dict(type="DepthMetric")])
    judge.process([resized])
    judge.evaluate(1)
    [metric] = judge.metrics
    expected = "nyud (no crop, 0.001-10 m, pixel-wise average), at 6×7 instead of the stored 60×70 pixels (H×W)"
    assert metric.complete_protocol() == expected and f"depth: {expected}, 1 images" in capture_log()
    judge.process([unchanged])  # the next evaluation
    judge.evaluate(1)
    assert metric.complete_protocol() == metric.protocol()


class TestPanopticMetric(MetricContract):
    config = dict(type="PanopticMetric")
    meta = dict(classes=CLASSES)
    perfect = dict(PQ=100, RQ=100, SQ=100, PQ_things=100, PQ_stuff=100)

    def label(self, generator, height, width):
        """Class 0 is stuff; the others have up to two instances."""
        columns = torch.randint(0, 3, (1, 1, width), generator=generator).expand(1, height, width)
        halves = 1 + (torch.arange(width) > 3).long()
        return (columns * 1000 + halves * (columns > 0)).int()

    def void(self, label, mask):
        return label.masked_fill(mask, 255)

    def test_void_pixels_do_not_count(self):
        """A prediction of a segment that is void in most of its pixels is neither right nor wrong."""
        label = torch.zeros(1, 6, 8, dtype=torch.int32)
        label[:, :2] = 255
        sample, other = (BaseDataElement(metainfo=dict(img_path="a.png")) for _ in range(2))
        for each, segment in ((sample, 0), (other, 2001)):
            prediction = torch.zeros_like(label)
            prediction[:, :2] = segment
            each.gt, each.pred = PixelData(panoptic=label), PixelData(panoptic=prediction)
        assert (
            self.scores([other])
            == self.scores([sample])
            == {
                "panoptic/PQ": 100,
                "panoptic/SQ": 100,
                "panoptic/RQ": 100,
                "panoptic/PQ_stuff": 100,
            }
        )
