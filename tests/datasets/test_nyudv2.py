import warnings

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import FUNCTIONS

from mtl_plugins.datasets import KINECT_INTRINSICS, DataError, NYUDv2, SynthRooms
from mtl_plugins.datasets.readers import none_if_empty
from mtl_plugins.functional.geometry import depth_to_points, points_to_normals
from mtl_plugins.label_spaces import class_map, label_space
from mtl_plugins.structures import DenseMap, DepthMap, ImageLabel, NormalMap

from ..contracts.dataset_contract import DatasetContract
from .data_files import SIZE, random_image, write_png, write_rooms


@pytest.fixture
def root(tmp_path):
    return write_rooms(tmp_path)


class TestNYUDv2(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="NYUDv2", data_root=str(root))


class TestNYUDv2WithOptions(DatasetContract):
    @pytest.fixture
    def config(self, root):
        (root / "depth_filled").mkdir()
        for path in (root / "depth").iterdir():  # smooth enough for normals
            write_png(root / "depth_filled" / path.name, np.full(SIZE, 5000, np.uint16))
        options = dict(label_space="nyud13", depth="filled", normals="depth", intrinsics=(30, 30, 16, 12))
        return dict(type="NYUDv2", data_root=str(root), **options)


class TestSynthRooms(DatasetContract):
    @pytest.fixture
    def config(self, root):
        lines = [f"{i:06d} {200 + i} 201 15.5 11.5" for i in range(4)]
        (root / "intrinsics.txt").write_text("\n".join(lines))
        return dict(type="SynthRooms", data_root=str(root))

    def test_samples_contain_the_camera_of_the_image(self, dataset):
        assert [dataset[i]["intrinsics"].tolist() for i in (0, 3)] == [[200, 201, 15.5, 11.5], [203, 201, 15.5, 11.5]]
        assert dataset[0]["intrinsics"].canvas_size == SIZE


def test_values_match_the_files(root):
    dataset = NYUDv2(root, intrinsics=(30, 30, 16, 12))
    assert dataset.label_counts() == dict(semseg=3, depth=2, normals=1)
    assert "cabinet" in dataset.metainfo["classes"] and dataset.num_classes == 40
    sample = dataset[0]
    assert torch.equal(sample["img"], torch.from_numpy(random_image(0)).permute(2, 0, 1))
    assert sample["semseg"][0, 0, 0] == 255
    assert type(sample["depth"]) is DepthMap and type(sample["normals"]) is NormalMap
    expected = np.random.default_rng(0)
    expected.integers(0, 40, SIZE, dtype=np.uint8)
    metres = expected.integers(2500, 20000, SIZE, dtype=np.uint16) / 5000
    np.testing.assert_allclose(sample["depth"][0, 1:].numpy(), metres[1:], rtol=1e-6)
    assert (sample["depth"][0, 0, :5] == 0).all()
    assert sample["normals"][:, 0, 0].tolist() == [0, 0, 0]
    torch.testing.assert_close(sample["normals"][:, 1, 1], torch.tensor([0.0, 0.0, -1.0]), atol=0.01, rtol=0)
    assert sample["intrinsics"].tolist() == [30, 30, 16, 12]


@pytest.mark.parametrize(
    "line, tasks",
    [
        # the folders determine the task, not the columns
        ("rgb/000000.png\tdepth/000000.png\tmasks/000000.png", {"semseg", "depth"}),
        ("depth/000000.png\trgb/000000.png", {"depth"}),
        ("rgb/000000.png\t-\tdepth/000000.png", {"depth"}),
        ("rgb/000000.png\t\t\tnormals/000000.png", {"normals"}),
        # the columns determine the task
        ("flat/i.png\tflat/s.png\tflat/d.png\tflat/n.png", {"semseg", "depth", "normals"}),
        ("flat/i.png\t\tflat/d.png", {"depth"}),
    ],
)
def test_parsing_of_a_line(root, line, tasks):
    for name, folder in dict(i="rgb", s="masks", d="depth", n="normals").items():
        (root / "flat").mkdir(exist_ok=True)
        (root / "flat" / f"{name}.png").write_bytes((root / folder / "000000.png").read_bytes())
    (root / "one.txt").write_text(line)
    sample = NYUDv2(root, ann_file="one.txt")[0]
    assert set(sample) == {"img", "meta", *tasks}
    complete = NYUDv2(root)[0]
    assert all(torch.equal(sample[key], complete[key]) for key in {"img", *tasks})


def test_user_defined_task(root):
    for i in range(2):
        write_png(root / "saliency" / f"{i:06d}.png", np.full(SIZE, 51, np.uint8))
        write_png(root / "parts" / f"{i:06d}.png", np.full(SIZE, 3, np.uint8))
    (root / "mine.txt").write_text(
        "rgb/000000.png\tsaliency/000000.png\tparts/000000.png\nrgb/000001.png\tsaliency/000001.png"
    )
    labels = dict(
        saliency=dict(folder="saliency", reader="image"), parts=dict(folder="parts", reader="classes", num_classes=4)
    )
    dataset = NYUDv2(root, "mine", labels=labels)
    assert dataset.label_counts() == dict(semseg=0, depth=0, normals=0, saliency=2, parts=1)
    sample = dataset[0]
    assert type(sample["saliency"]) is DenseMap
    torch.testing.assert_close(sample["saliency"].mean(), torch.tensor(0.2))
    assert (sample["parts"] == 3).all()
    labels["parts"]["num_classes"] = 3
    with pytest.raises(DataError, match="class id 3, but there are 3 classes"):
        NYUDv2(root, "mine", labels=labels)[0]


@pytest.mark.parametrize(
    "cell, label", [("saliency/000000.png", "saliency"), ("x.png", "unused"), ("a-b/x.png", "a-b")]
)
def test_a_cell_of_an_unknown_label_can_be_ignored(root, cell, label):
    (root / "more.txt").write_text(f"rgb/000000.png\tmasks/000000.png\t\t\t{cell}\n")
    with pytest.raises(DataError, match=rf"Ignore it with labels=.*{label}.*None.* in the dataset's config"):
        NYUDv2(root, "more")
    assert NYUDv2(root, "more", labels={label: None}).label_counts() == dict(semseg=1, depth=0, normals=0)


def test_a_known_label_can_be_ignored_and_the_columns_stay(root):
    (root / "flat").mkdir()
    for name, folder in dict(i="rgb", d="depth", n="normals").items():
        (root / "flat" / f"{name}.png").write_bytes((root / folder / "000000.png").read_bytes())
    (root / "one.txt").write_text("flat/i.png\t\tflat/d.png\tflat/n.png\nrgb/000001.png\t\tdepth/000001.png\n")
    dataset = NYUDv2(root, ann_file="one.txt", labels=dict(depth=None))
    assert dataset.label_counts() == dict(semseg=0, normals=1)
    assert torch.equal(dataset[0]["normals"], NYUDv2(root)[0]["normals"])


def test_a_label_may_use_the_folder_of_an_ignored_one(root):
    dataset = NYUDv2(root, labels=dict(depth=None, far=dict(folder="depth", reader=lambda path: None)))
    assert dataset.label_counts()["far"] == NYUDv2(root).label_counts()["depth"]


def test_user_defined_reader(root):
    def read_inverse(path, gain):
        return DenseMap(torch.full((1, *SIZE), gain))

    by_callable = NYUDv2(root, labels=dict(depth=dict(reader=lambda path, scale: read_inverse(path, scale / 2))))
    assert (by_callable[0]["depth"] == 2500).all()
    FUNCTIONS.register_module(name="ReadInverseForTest", module=read_inverse, force=True)
    labels = dict(inverse=dict(folder="depth", reader="ReadInverseForTest", gain=7.0))
    assert (NYUDv2(root, labels=labels)[0]["inverse"] == 7).all()
    with pytest.raises(KeyError, match="unknown reader 'flow'.*classes"):
        NYUDv2(root, labels=dict(flow=dict(reader="flow")))
    with pytest.raises(ValueError, match="needs a reader"):
        NYUDv2(root, labels=dict(flow=dict(folder="flow")))


@pytest.mark.parametrize(
    "content, error, message",
    [
        ("", DataError, "split is empty.*train.txt"),
        ("rgb/000000.png\trgb/000001.png", DataError, "line 1: two files for img"),
        ("masks/000000.png", DataError, "line 1: no image"),
        ("rgb/000000.png\t" + "\t".join("-" * 3) + "\tmore/x.png", DataError, "cell 5.*'more/x.png'.*labels=dict"),
        ("\n".join(f"rgb/{i:06d}.png\tmasks/9{i}.png" for i in range(4)) * 1, FileNotFoundError, "4 of the files"),
    ],
)
def test_invalid_lists_raise(root, content, error, message):
    (root / "train.txt").write_text(content)
    with pytest.raises(error, match=message):
        NYUDv2(root)


def test_missing_files_are_counted_and_five_are_named(root):
    (root / "train.txt").write_text("\n".join(f"rgb/gone{i}.png" for i in range(7)))
    with pytest.raises(FileNotFoundError) as caught:
        NYUDv2(root)
    message = str(caught.value)
    assert "7 of the files" in message and "gone4" in message and "gone5" not in message and "train.txt" in message


def test_a_missing_list_names_the_existing_ones(root):
    with pytest.raises(FileNotFoundError, match=r"val.txt does not exist; existing lists: \['train.txt'\].*split="):
        NYUDv2(root, "val")


def test_invalid_intrinsics_raise(root):
    (root / "intrinsics.txt").write_text("000000 1 2 3")
    with pytest.raises(DataError, match="intrinsics.txt, line 1.*fx fy cx cy"):
        NYUDv2(root)


def test_a_label_of_another_size_raises(root):
    write_png(root / "depth" / "000001.png", np.full((10, 12), 5000, np.uint16))
    with pytest.raises(DataError, match=r"depth label is 10×12 .*image is 24×32 .*depth.000001.*rgb.000001"):
        NYUDv2(root)[1]


def test_empty_depth_is_a_missing_label(root):
    path = write_png(root / "depth" / "000001.png", np.zeros(SIZE, np.uint16))
    with pytest.warns(UserWarning, match=f"{path.name} has no reading"):
        sample = SynthRooms(root)[1]
    assert "depth" not in sample and "depth" not in sample["meta"]["label_paths"] and "semseg" in sample


def test_a_folder_of_empty_labels_is_reported_for_some_files_only(tmp_path):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(2):
            for i in range(100):
                assert none_if_empty(torch.zeros(1, 2, 2), tmp_path / f"{i}.png", "no reading") is None
    shown = [str(warning.message) for warning in seen]
    assert len(shown) == 5
    assert [f"{i}.png has no reading" in text for i, text in enumerate(shown)] == [True] * 5
    assert "Other files in this folder are not reported" in shown[4]


def test_another_label_space(root):
    plain, mapped = NYUDv2(root), NYUDv2(root, label_space="nyud13")
    assert mapped.metainfo["classes"] == label_space("nyud13").classes and mapped.num_classes == 13
    lut = torch.from_numpy(class_map("nyud40", "nyud13"))
    for i in range(3):
        assert torch.equal(mapped[i]["semseg"], lut[plain[i]["semseg"].long()])
    write_png(root / "masks" / "000000.png", np.full(SIZE, 40, np.uint8))
    with pytest.raises(DataError, match="000000.png contains class id 40, but the ids of nyud40"):
        mapped[0]
    own = NYUDv2(root, label_space="nyud13", metainfo=dict(palette=((0, 0, 0),) * 13))
    assert own.metainfo["classes"] == mapped.metainfo["classes"] and own.metainfo["palette"][3] == (0, 0, 0)
    with pytest.raises(FileNotFoundError, match="'nyud31'.*did you mean 'nyud13'"):
        NYUDv2(root, label_space="nyud31")


def test_metainfo_of_a_config_becomes_plain_dicts_that_a_checkpoint_may_contain(root, tmp_path):
    config = ConfigDict(task_classes=dict(scene=("kitchen", "office")), parts=[dict(name="arm")])
    meta = NYUDv2(root, metainfo=config).metainfo
    assert meta["task_classes"] == dict(scene=("kitchen", "office")) and meta["parts"] == [dict(name="arm")]
    torch.save(meta, tmp_path / "meta.pth")
    assert torch.load(tmp_path / "meta.pth", weights_only=True) == meta


def test_filled_depth_is_an_additional_label(root):
    for i in range(2):
        write_png(root / "depth_filled" / f"{i:06d}.png", np.full(SIZE, 5000 + i, np.uint16))
    filled = NYUDv2(root, depth="filled")
    assert [float(filled[i]["depth"].unique()) for i in range(2)] == pytest.approx([1, 1.0002])
    assert filled.label_counts() == NYUDv2(root).label_counts()
    (root / "depth_filled" / "000001.png").unlink()
    with pytest.raises(FileNotFoundError, match="1 of the files (?s:.*)depth_filled/000001.png"):
        NYUDv2(root, depth="filled")
    (root / "flat.txt").write_text("rgb/000000.png\t-\tflat/000000.png")
    with pytest.raises(DataError, match="flat.txt, line 1: depth='filled' is read from the folder depth_filled"):
        NYUDv2(root, "flat", depth="filled")
    for wrong in (dict(depth="sensor"), dict(normals="mesh")):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}='.*' is unknown: "):
            NYUDv2(root, **wrong)


def test_normals_computed_from_depth(root):
    camera = (30.0, 30.0, 16.0, 12.0)
    for i in range(2):  # a slanted plane: 1 / z is linear in the pixel's coordinates
        u = np.arange(SIZE[1]) - camera[2]
        write_png(
            root / "depth" / f"{i:06d}.png", np.rint(5000 / (0.5 + 0.002 * u) * np.ones((SIZE[0], 1))).astype("u2")
        )
    dataset = NYUDv2(root, intrinsics=camera, normals="depth")
    assert dataset.label_counts() == dict(semseg=3, depth=2, normals=2)
    sample = dataset[1]
    assert type(sample["normals"]) is NormalMap and sample["normals"].dtype == torch.float32
    assert sample["meta"]["label_paths"]["normals"] == sample["meta"]["label_paths"]["depth"]
    wanted = torch.nn.functional.normalize(torch.tensor((-0.06, 0.0, -0.5)), dim=0)
    torch.testing.assert_close(sample["normals"], wanted[:, None, None].expand(3, *SIZE), atol=1e-2, rtol=0)
    renamed = NYUDv2(root, intrinsics=camera, normals="depth", tasks=["normals"], rename=dict(normals="tilt"))[1]
    assert set(renamed) == {"img", "tilt", "intrinsics", "meta"} and torch.equal(renamed["tilt"], sample["normals"])
    with pytest.raises(DataError, match="needs the camera of .*000001.png: add a line .* to .*intrinsics.txt"):
        NYUDv2(root, normals="depth")[1]


def test_depth_without_valid_normals_is_a_missing_label(root):
    lonely = np.zeros(SIZE, np.uint16)
    lonely[3, 4] = 5000
    write_png(root / "depth" / "000001.png", lonely)
    with pytest.warns(UserWarning, match="000001.png has depth without any valid normal"):
        sample = NYUDv2(root, intrinsics=(30, 30, 16, 12), normals="depth")[1]
    assert "normals" not in sample and "depth" in sample and set(sample["meta"]["label_paths"]) == {"semseg", "depth"}


def test_images_of_kinect_size_get_kinect_intrinsics(tmp_path):
    for name, size in dict(kinect=(480, 640), other=(480, 641)).items():
        write_png(tmp_path / "rgb" / f"{name}.png", np.zeros((*size, 3), np.uint8))
    (tmp_path / "train.txt").write_text("rgb/kinect.png\nrgb/other.png")
    kinect, other = (NYUDv2(tmp_path)[i] for i in range(2))
    assert kinect["intrinsics"].tolist() == pytest.approx(KINECT_INTRINSICS) and "intrinsics" not in other
    assert kinect["intrinsics"].canvas_size == (480, 640)
    assert NYUDv2(tmp_path, intrinsics=(1, 2, 3, 4))[0]["intrinsics"].tolist() == [1, 2, 3, 4]


def test_the_authors_frames(shared, tmp_path):
    cells = [f"{shared('data/nyud_samples')}/{kind}000433.png" for kind in ("", "segm_gt_", "depth_gt_", "norm_gt_")]
    (tmp_path / "val.txt").write_text("\t".join(cells) + "\n" + "\t".join(c.replace("433", "464") for c in cells[:3]))
    dataset = NYUDv2(tmp_path, "val", intrinsics=(518.86, 519.47, 325.58, 253.74))
    assert dataset.label_counts() == dict(semseg=2, depth=2, normals=1)
    sample = dataset[0]
    assert sample["img"].shape == (3, 480, 640)
    assert 0.5 < sample["depth"][sample["depth"] > 0].median() < 6
    # means of 8×8 blocks reduce the sensor noise; then the published normals agree with the published depth
    pool = torch.nn.functional.avg_pool2d
    valid = (sample["depth"].as_subclass(torch.Tensor) > 0).float()
    points = depth_to_points(sample["depth"].as_subclass(torch.Tensor), sample["intrinsics"].as_subclass(torch.Tensor))
    points = pool(points, 8) / pool(valid, 8).clamp(min=1e-6) * (pool(valid, 8) > 0.99)
    ours, theirs = points_to_normals(points), pool(sample["normals"].as_subclass(torch.Tensor), 8)
    both = (ours.norm(dim=0) > 0.5) & (theirs.norm(dim=0) > 0.95)
    cosine = torch.cosine_similarity(ours, theirs, dim=0)[both]
    assert both.float().mean() > 0.2
    assert torch.rad2deg(cosine.clamp(-1, 1).acos()).median() < 4


def read_room_type(path):
    return ImageLabel(torch.tensor([int(path.stem) % 3]))


@pytest.mark.parametrize("cache", [None, "memory", "folder"])
def test_a_user_defined_label_per_image(root, tmp_path, cache):
    labels = dict(room=dict(folder="masks", reader=read_room_type))
    place = str(tmp_path / "cache") if cache == "folder" else cache
    dataset = NYUDv2(root, labels=labels, folders=dict(masks="room"), pipeline=[dict(type="PackSample")], cache=place)
    for _ in range(2):
        assert dataset[1]["data_samples"].gt.get("room").tolist() == [1]


def test_an_unknown_or_missing_option_of_a_reader_is_refused_before_training(root):
    with pytest.raises(
        ValueError, match="NYUDv2: labels={'depth': …}: the reader .*unexpected keyword argument 'scal'"
    ):
        NYUDv2(root, labels=dict(depth=dict(scal=3)))
    with pytest.raises(ValueError, match="labels={'far': …}: the reader 'depth': missing a required .*'scale'"):
        NYUDv2(root, labels=dict(far=dict(folder="depth", reader="depth")))
