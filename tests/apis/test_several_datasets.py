"""Which class names and colours a network trained on several datasets has, and misspelt names of datasets."""

import pytest
from mmengine.config import Config

from mtl_plugins.apis import MultiTaskInferencer, export_model, init_model, load_config
from mtl_plugins.datasets import combine_metainfo
from mtl_plugins.engine.check_dataset_names import check_dataset_names
from mtl_plugins.kinds import meta_of_dataset, meta_of_task
from mtl_plugins.label_spaces import label_space
from mtl_plugins.models.heads import DepthHead, SegmentationHead
from mtl_plugins.visualization import MultiTaskVisualizer

CAMVID, ROOMS = label_space("camvid11"), label_space("nyud40")


def make_config(camvid=("semseg",), num_classes=11, heads=None, rooms=("depth",), **options):
    """Rooms with depth and CamVid with classes; no head distinguishes the datasets unless `heads` says so."""
    cfg = load_config("hydranet_nyud", {"model.backbone.model_name": "test_resnet", "model.neck.channels": 8})
    cfg.model.heads.semseg.num_classes = num_classes
    cfg.merge_from_dict({f"model.heads.{key}": value for key, value in (heads or {}).items()})
    datasets = dict(
        rooms=dict(type="NYUDv2", data_root="absent", tasks=list(rooms)),
        camvid=dict(type="CamVid", data_root="absent", tasks=list(camvid), **options),
    )
    for name in ("train_dataloader", "val_dataloader", "test_dataloader"):
        cfg[name] = Config(dict(dataset=dict(type="MultiDataset", datasets=datasets)))._cfg_dict
    return cfg


def build(dataset=None, tasks=None, **options):
    return MultiTaskInferencer(make_config(**options), device="cpu", dataset=dataset, tasks=tasks)


@pytest.mark.parametrize("dataset", [None, "rooms", "camvid"])
def test_the_classes_are_those_of_the_dataset_with_labels(dataset):
    meta = build(dataset).dataset_meta
    assert tuple(meta["classes"]) == CAMVID.classes and tuple(map(tuple, meta["palette"])) == CAMVID.palette


def test_a_head_that_distinguishes_the_datasets_has_the_classes_of_each():
    ranges = dict(rooms=(0, 40), camvid=(40, 51))
    options = dict(num_classes=51, heads={"semseg.ranges": ranges}, rooms=("semseg", "depth"))
    assert tuple(build("rooms", **options).dataset_meta["classes"]) == ROOMS.classes
    assert tuple(build("camvid", **options).dataset_meta["classes"]) == CAMVID.classes
    # a teacher may label a dataset that has no labels, such as KITTIDepth(label_space='kitti6')
    options["rooms"] = ("depth",)
    assert tuple(build("rooms", **options).dataset_meta["classes"]) == ROOMS.classes
    with pytest.raises(ValueError, match="dataset is not set.*choose one of camvid, rooms with dataset=NAME"):
        build(**options)


@pytest.mark.parametrize("heads", [{}, {"semseg.ranges": dict(rooms=(0, 40), camvid=(40, 51))}])
def test_a_misspelt_dataset_is_always_an_error(heads):
    with pytest.raises(ValueError, match="dataset 'camvit' does not exist: did you mean 'camvid'"):
        build("camvit", num_classes=51, heads=heads)


def test_a_misspelt_dataset_is_an_error_in_an_export(tmp_path):
    with pytest.raises(ValueError, match="dataset 'camvit' does not exist: did you mean 'camvid'"):
        export_model(init_model(make_config()), "onnx", tmp_path / "x.onnx", end_to_end=True, dataset="camvit")


def test_a_dataset_of_a_network_without_several_datasets():
    options = {"model.backbone.model_name": "test_resnet", "model.neck.channels": 8}
    with pytest.raises(ValueError, match="dataset 'nyud' does not exist: the network was trained on a single dataset"):
        MultiTaskInferencer("hydranet_nyud", device="cpu", cfg_options=options, dataset="nyud")


def test_two_class_lists_of_one_head_need_a_dataset():
    options = dict(num_classes=51, rooms=("semseg", "depth"))
    with pytest.raises(ValueError, match="classes of semseg have other names in each of the datasets rooms, camvid"):
        build(**options)
    assert build(tasks=["depth"], **options).dataset is None
    assert tuple(build("camvid", **options).dataset_meta["classes"]) == CAMVID.classes


def test_two_datasets_with_one_class_list():
    meta = combine_metainfo(dict(a=CAMVID.metainfo, b=CAMVID.metainfo))
    assert meta_of_dataset(meta, None)["classes"] == meta_of_dataset(meta, "b")["classes"] == CAMVID.classes


def test_a_renamed_label_takes_its_classes_along():
    inferencer = build(rename=dict(semseg="street"), rooms=("semseg", "depth"), num_classes=40)
    meta = meta_of_dataset(inferencer.dataset_meta | dict(datasets={}), None)
    assert tuple(meta["classes"]) == ROOMS.classes
    parts = dict(
        rooms=dict(ROOMS.metainfo, tasks=("semseg",)),
        camvid=dict(CAMVID.metainfo, tasks=("street",), task_classes=dict(street=CAMVID.classes)),
    )
    both = combine_metainfo(parts)
    assert both["classes"] == ROOMS.classes and both["task_classes"] == dict(street=CAMVID.classes)
    for name in ("rooms", "camvid"):
        meta = meta_of_dataset(both, name)
        assert meta["classes"] == ROOMS.classes and meta_of_task("street", meta)["classes"] == CAMVID.classes


def test_the_painter_refuses_an_unknown_dataset():
    visualizer = MultiTaskVisualizer(name="several")
    visualizer.dataset_meta = combine_metainfo(dict(rooms=ROOMS.metainfo, camvid=CAMVID.metainfo))
    with pytest.raises(ValueError, match="dataset 'room' does not exist: did you mean 'rooms'"):
        visualizer._meta_of(dict(dataset="room"))


class Part:
    def __init__(self, *tasks):
        self.tasks = tasks


@pytest.mark.parametrize(
    "head, message",
    [
        (
            dict(scales=dict(romms=1, camvid=2)),
            "the training set 'rooms' also has labels of depth: did you mean 'romms'",
        ),
        (dict(dataset_weights=dict(romms=1)), "dataset_weights: dataset 'romms' does not exist: did you mean 'rooms'"),
        (dict(scales=dict(rooms=1, later=2), dataset_weights=dict(later=1)), None),
    ],
)
def test_dataset_names_in_heads(head, message):
    heads = dict(depth=DepthHead((8,), (4,), **head), semseg=SegmentationHead((8,), (4,), num_classes=11))
    parts = type("Parts", (), dict(datasets=dict(rooms=Part("depth"), camvid=Part("semseg"))))()
    if message is None:
        check_dataset_names(heads, parts)
    else:
        with pytest.raises(ValueError, match=message):
            check_dataset_names(heads, parts)


def test_dataset_names_of_teachers():
    parts = type("Parts", (), dict(datasets=dict(rooms=Part("depth"))))()
    with pytest.raises(ValueError, match="the teacher's dataset 'room' does not exist: did you mean 'rooms'"):
        check_dataset_names({}, parts, [dict(datasets=["room"])])
