"""Lists, cameras, tables and JSON that users write: other line ends and encodings, wrong numbers, random damage."""

import json
import random
import re

import pytest

from mtl_plugins.datasets import KITTI6, DataError, NYUDv2
from mtl_plugins.datasets.camera_file import read_camera_file
from mtl_plugins.datasets.camera_values import parse_camera
from mtl_plugins.datasets.cityscapes.stereo_camera import read_camera
from mtl_plugins.datasets.kitti import Frame, lidar_to_image, read_camera_intrinsics, read_frame_list
from mtl_plugins.datasets.kitti.frame_index import find_index, read_cameras, read_index
from mtl_plugins.datasets.pseudo_label_files import PseudoLabels, image_key
from mtl_plugins.label_spaces import class_map, label_space

from ..fuzzing import fuzz, mutations
from .data_files import write_rooms
from .driving_files import DATE, DRIVES, cityscapes_camera, write_calibration

LIST = "rgb/000000.png\tmasks/000000.png\tdepth/000000.png\nrgb/000001.png\t-\tdepth/000001.png\n"
LINE = "rgb/000000.png 500 501 15.5 11.5"


@pytest.fixture
def root(tmp_path):
    return write_rooms(tmp_path)


def labels_of(root, text, **options):
    (root / "train.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(sample.img.name, sorted(sample.labels)) for sample in NYUDv2(root, **options).samples]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + LIST,
        LIST.replace("\n", "\r\n"),
        LIST.replace("\n", "\r"),
        "# image\tlabels\n\n" + LIST.replace("\n", "  \n\n"),
        LIST.replace("/", "\\"),
        LIST.replace("\t", " "),
        LIST.replace("\t", "   "),
        LIST.replace("\t", " \t "),
    ],
    ids="mark windows mac comments backslashes space spaces mixed".split(),
)
def test_lists_of_other_systems(root, text):
    assert labels_of(root, text) == labels_of(root, LIST)


def test_spaces_and_backslashes_in_the_names_of_files(root):
    (root / "rgb/000000.png").rename(root / "rgb/a room.png")
    (root / "rgb/000001.png").rename(root / r"rgb/b\c.png")
    assert labels_of(root, "rgb/a room.png\nrgb/b\\c.png\tmasks/000001.png\n") == [
        ("a room.png", []),
        (r"b\c.png", ["semseg"]),
    ]


def test_a_list_in_another_encoding_names_the_line(root):
    with pytest.raises(DataError, match=r"train.txt, line 3: the byte 0xfc is not valid UTF-8.*iconv"):
        labels_of(root, LIST.encode() + b"rgb/k\xfcche.png\n")


@pytest.mark.parametrize("cells", ["rgb/000000.png,masks/000000.png", "rgb/000000.png;masks/000000.png", "rgb/x y.png"])
def test_cells_without_tabs_are_explained(root, cells):
    with pytest.raises(FileNotFoundError, match="do not exist(.|\n)*Cells are separated by tabs"):
        labels_of(root, cells)


@pytest.mark.parametrize("header", ["image\tsemseg\tdepth", "image,semseg", "image"])
def test_a_header_of_a_list_is_explained(root, header):
    with pytest.raises(FileNotFoundError, match="do not exist(.|\n)*not by commas, a header line must start with '#'"):
        labels_of(root, f"{header}\n{LIST}")
    with pytest.raises(DataError, match="line 1: cell 5, 'scene', .* If the line is a header, start it with '#'"):
        labels_of(root, f"image\tsemseg\tdepth\tnormals\tscene\n{LIST}")


@pytest.mark.parametrize("dataset", [NYUDv2, KITTI6])
def test_a_list_that_is_a_folder(root, dataset):
    (root / "train.txt").unlink(missing_ok=True)
    (root / "train.txt").mkdir()
    with pytest.raises(DataError, match="train.txt is not a text file, but a folder"):
        dataset(root)
    with pytest.raises(FileNotFoundError, match="val.txt does not exist; existing lists: none"):
        NYUDv2(root, "val")


def test_a_list_may_lead_out_of_the_data_root(tmp_path):
    root, other = write_rooms(tmp_path / "rooms"), write_rooms(tmp_path / "other")
    text = f"{other}/rgb/000001.png\n../other/rgb/000000.png\t../other/masks/000000.png\n"
    assert labels_of(root, text) == [("000001.png", []), ("000000.png", ["semseg"])]
    assert NYUDv2(root)[1]["semseg"].shape[-2:] == NYUDv2(other)[0]["img"].shape[-2:]


@pytest.mark.parametrize(
    "image, key",
    [
        ("/data/rooms/rgb/1.png", "rgb/1"),
        ("/data/rooms/../other/1.png", "data/other/1"),
        ("/data/rooms/a/../rgb/1.png", "rgb/1"),
        ("/data/rooms/../../../etc/1.png", "etc/1"),
        ("/other/1.png", "other/1"),
    ],
)
def test_pseudo_labels_are_written_inside_their_folder(image, key):
    assert image_key(image, "/data/rooms") == key


# Cameras


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        "\ufeff" + LINE,
        "# name fx fy cx cy\r\n\r\n  " + LINE + "  \r\n",
        LINE.replace("rgb/", ""),
        LINE.replace("rgb/000000.png", "000000"),
        LINE.replace("/", "\\"),
        LINE.replace(" ", "\t"),
        LINE.replace(" ", "\t", 1),
        "rgb/000001.png 1 1 1 1\n" + LINE,
    ],
)
def test_cameras_of_other_systems(root, text):
    (root / "intrinsics.txt").write_bytes(text.encode())
    assert NYUDv2(root)[0]["intrinsics"].tolist() == [500, 501, 15.5, 11.5]


def test_images_of_one_name_in_two_folders_keep_their_cameras(root):
    (root / "intrinsics.txt").write_text("rgb/000000.png 1 1 1 1\nother/000000.png 2 2 2 2\n")
    assert NYUDv2(root)[0]["intrinsics"].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("text", ["", "\n", "0.jpg 1 1 1 1\n", "images/000000.png.png 1 1 1 1\n"])
@pytest.mark.parametrize("options", [{}, dict(intrinsics=(1, 2, 3, 4))])
def test_a_camera_file_that_names_no_image_is_refused(root, text, options):
    (root / "intrinsics.txt").write_text(text)
    first = f"first name in the file is '{text.split()[0]}'" if text.strip() else ""
    with pytest.raises(
        DataError, match=f"none of the 4 images has a camera in .*intrinsics.txt.*rgb/000000.png.*{first}"
    ):
        NYUDv2(root, **options)


def test_images_without_a_camera_are_counted_once(root, capture_log):
    (root / "intrinsics.txt").write_text("000000 1 1 1 1\n000002.png 2 2 2 2\n")
    assert NYUDv2(root, intrinsics=(3, 3, 3, 3))[1]["intrinsics"].tolist() == [3, 3, 3, 3]
    assert "no camera" not in capture_log()
    dataset = NYUDv2(root)
    assert ["intrinsics" in dataset[i] for i in range(4)] == [True, False, True, False]
    assert re.findall(r"\d of \d images have no camera in \S+, such as \S+ ", capture_log()) == [
        f"2 of 4 images have no camera in {root}/intrinsics.txt, such as rgb/000001.png. "
    ]


def test_a_camera_file_may_name_other_images_only(root, capture_log):
    (root / "intrinsics.txt").write_text("000003 1 1 1 1\n")
    assert len(NYUDv2(root, limit=2)) == 2
    assert "2 of 2 images have no camera" in capture_log()


def test_a_camera_file_that_is_a_folder(root):
    (root / "intrinsics.txt").mkdir()
    with pytest.raises(DataError, match="intrinsics.txt is not a text file, but a folder"):
        NYUDv2(root)


@pytest.mark.parametrize("name", ["a room.png", "1 2 3.png"])
def test_names_with_spaces_in_camera_files(tmp_path, name):
    file = tmp_path / "intrinsics.txt"
    for separator in (" ", "\t") if name == "a room.png" else ("\t",):
        file.write_text(f"{name}{separator}1 2 3 4\n")
        assert read_camera_file(file).find(tmp_path / name, tmp_path) == (1, 2, 3, 4)


@pytest.mark.parametrize(
    "line, message",
    [
        ("a.png nan 1 1 1", "'nan' is not a finite number"),
        ("a.png inf 1 1 1", "'inf' is not a finite number"),
        ("a.png 0 1 1 1", "the focal length fx must be positive, but is 0"),
        ("a.png 1 -5 1 1", "the focal length fy must be positive, but is -5"),
        ("a.png 1e-9 1 1 1", "the focal length fx must be at least 0.001 pixels, but is 1e-09"),
        ("a.png 1 1 1e30 1", "cx must be a finite number of pixels, at most 1,000,000"),
        ("a.png 1 1 1", "there are 3"),
        ("a.png 1 2 3 4 5", "there are 5"),
        ("a.png", "there are 0"),
        ("a.png 518,8 1 1 1", "'518,8' is not a finite number"),
        ("a.png 1_0 1 1 1", "'1_0' is not a finite number"),
        ("a.png,1,1,1,1", "there are 0"),
        ("b.png 1 1 1 2", "'b.png' has another camera on an earlier line"),
    ],
)
def test_wrong_cameras_name_file_and_line(tmp_path, line, message):
    file = tmp_path / "intrinsics.txt"
    file.write_text(f"b.png 1 1 1 1\n\n{line}\n")
    with pytest.raises(DataError, match=f"intrinsics.txt, line 3: .*{message}"):
        read_camera_file(file)


@pytest.mark.parametrize("camera", [(0, 1, 1, 1), (float("nan"), 1, 1, 1), (1, 1, 1), "abcd", (1, 1, None, 1), 5])
def test_wrong_cameras_of_an_option(root, camera):
    with pytest.raises(ValueError, match="NYUDv2: intrinsics="):
        NYUDv2(root, intrinsics=camera)


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("P_rect_02: ", "P_rect_02: nan ", "must have 3 × 4 numbers, but it has 13"),
        ("7.0", "nan", "'nan[^']*' is not a finite number"),
        ("7.0", "0x", "is not a finite number"),
    ],
)
def test_kitti_calibration_with_wrong_numbers(tmp_path, old, new, message):
    write_calibration(tmp_path / DATE)
    file = tmp_path / DATE / "calib_cam_to_cam.txt"
    lines = file.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("P_rect_02"))
    first = lines[at].split()[1]
    lines[at] = lines[at].replace(first if old == "7.0" else old, new, 1)
    file.write_text("\n".join(lines))
    with pytest.raises(DataError, match=f"calib_cam_to_cam.txt, line {at + 1}: P_rect_02.*{message}.*calib.zip"):
        read_camera_intrinsics(tmp_path, DATE, 2)


@pytest.mark.parametrize("focal", ["0.0", "-7.2e+02"])
def test_kitti_calibration_without_focal_length(tmp_path, focal):
    write_calibration(tmp_path / DATE)
    file = tmp_path / DATE / "calib_cam_to_cam.txt"
    lines = file.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("P_rect_02"))
    lines[at] = " ".join([*lines[at].split()[:1], focal, *lines[at].split()[2:]])
    file.write_bytes("\ufeff".encode() + "\r\n".join(lines).encode())
    with pytest.raises(DataError, match="calib_cam_to_cam.txt: P_rect_02: the focal length fx must be positive"):
        read_camera_intrinsics(tmp_path, DATE, 2)


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(intrinsic=dict(fx=float("nan"), fy=1, u0=1, v0=1)), "nan is not a finite number"),
        (dict(intrinsic=dict(fx=0, fy=1, u0=1, v0=1)), "the focal length fx must be positive"),
        (dict(intrinsic=dict(fx=True, fy=1, u0=1, v0=1)), "True is not a finite number"),
        (dict(intrinsic=[1, 2]), "list indices"),
        (dict(extrinsic=dict(baseline=float("inf"))), "inf is not a finite number"),
        (dict(extrinsic=dict(baseline=1e9)), "at most 100 m"),
    ],
)
def test_cityscapes_cameras_with_wrong_numbers(tmp_path, change, message):
    file = tmp_path / "x_camera.json"
    file.write_text(json.dumps(cityscapes_camera() | change))
    with pytest.raises(DataError, match=f"x_camera.json is not a camera file of Cityscapes: .*{message}"):
        read_camera(file)


def test_cityscapes_cameras_with_a_byte_order_mark(tmp_path):
    (tmp_path / "x_camera.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(cityscapes_camera()).encode())
    assert read_camera(tmp_path / "x_camera.json").fx > 0


# KITTI's lists, indices and markers


def test_frame_lists_of_other_systems(tmp_path):
    file = tmp_path / "list.txt"
    file.write_bytes(f"\ufeff# drive frame side\r\n\r\n{DATE}\\{DRIVES['train']} 0000000006 l  \r\n".encode())
    assert list(read_frame_list(file)) == [Frame(DRIVES["train"], 2, 6)]


def test_an_index_with_other_images_is_refused(tmp_path):
    (tmp_path / "train.txt").write_text("a.png\t-\t-\n")
    with pytest.raises(DataError, match="train.txt, line 1: expected image⇥improved depth⇥laser scan"):
        list(read_index(tmp_path / "train.txt"))


@pytest.mark.parametrize("text", ["{}", '{"raw": 1, "depth": null}', "[]", "{", '{"raw": "a", "depth": [1]}'])
def test_a_damaged_index_marker(tmp_path, text):
    (tmp_path / "kitti_depth.json").write_text(text)
    with pytest.raises(DataError, match="kitti_depth.json"):
        find_index(tmp_path)


def test_a_tab_in_intrinsics_makes_no_list(tmp_path):
    from .driving_files import write_kitti6

    root = write_kitti6(tmp_path)
    (root / "intrinsics.txt").write_text("000000\t1\t2\t3\t4\n")
    assert len(KITTI6(root)) > 0


@pytest.mark.parametrize("scale", ["0", "-1", "NaN", '"x"', "null", "1e999"])
def test_a_damaged_depth_scale(tmp_path, scale):
    from .driving_files import write_kitti6

    root = write_kitti6(tmp_path)
    (root / "kitti6.json").write_text(f'{{"depth_scale": {scale}}}')
    with pytest.raises(DataError, match="kitti6.json: depth_scale.*prepare kitti6"):
        KITTI6(root)


@pytest.mark.parametrize(
    "about",
    [
        {},
        dict(tasks=[]),
        dict(tasks=dict(depth={})),
        dict(tasks=dict(depth=dict(kind="nonsense"))),
        dict(tasks=dict(depth=dict(kind=["classes"]))),
        dict(tasks=dict(depth=dict(kind="metric_depth", scale=0))),
        dict(tasks=dict(depth=dict(kind="metric_depth", scale="x"))),
        dict(tasks=dict(semseg=dict(kind="classes", num_classes="x"))),
        {"tasks": {"../depth": dict(kind="metric_depth")}},
    ],
)
def test_a_damaged_description_of_pseudo_labels(tmp_path, about):
    (tmp_path / "pseudo_labels.json").write_text(json.dumps(about))
    with pytest.raises(DataError, match="pseudo_labels.json.*Run mtl pseudo-label again"):
        PseudoLabels(tmp_path)


# Tables


def test_tables_of_other_systems(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_bytes('\ufeff# mine\r\nid, name ,colour\r\n0,wall,#010203 \r\n\r\n,,\r\n1,"a, b",#040506\r\n'.encode())
    space = label_space(file)
    assert space.classes == ("wall", "a, b") and space.palette == ((1, 2, 3), (4, 5, 6))


@pytest.mark.parametrize(
    "text, message",
    [
        ("id,name,colour\n-1,a,\n", "'-1' is not an id from 0 to 65535"),
        ("id,name,colour\n999999999999,a,\n", "is not an id"),
        ("id,name,colour\n1_0,a,\n", "'1_0' is not an id"),
        ("id,name,colour\n0,a,#80 c0 \n", "is not a colour such as #80c000"),
        ("id,name,colour\n0,a\n", "line 2: the row .* has another length"),
        ("id,name,name\n0,a,b\n", "line 1: a column occurs twice"),
        ("id;name;colour\n0;a;#000000\n", "the column 'name' is missing"),
        ('id,name,colour\n0,"a,#000000\n', "line 2: unexpected end of data"),
        ("id,name,colour\n0," + "x" * 70_000 + ",\n", "line 2: has 70,00. characters"),
    ],
)
def test_wrong_label_spaces(tmp_path, text, message):
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(ValueError, match=f"mine.csv.*{message}"):
        label_space(tmp_path / "mine.csv")


def test_a_class_map_with_a_class_twice(tmp_path):
    (tmp_path / "map.csv").write_text("camvid11,kitti6\nsky,sky\nsky,road\n")
    with pytest.raises(ValueError, match="map.csv has the class 'sky' of camvid11 twice"):
        class_map("camvid11", "kitti6", tmp_path / "map.csv")


# Random damage: everything is read, or refused with one sentence that names the file


def refusals(file, data, trials, read):
    """How many of `trials` changes of a file are refused; other errors than those for users fail the test."""
    count = 0
    for number, changed in enumerate(mutations(data, trials)):
        here = (
            file.with_name(f"{file.stem}{number}{file.suffix}") if file.suffix == ".csv" else file
        )  # tables are cached
        here.write_bytes(changed)
        try:
            read(here)
        except (DataError, FileNotFoundError, ValueError) as error:
            assert type(error) in (DataError, FileNotFoundError, ValueError), repr(error)
            assert file.stem in str(error) and len(str(error)) < 3000, error
            count += 1
    return count


@fuzz(short=30)
def test_damaged_lists(root, trials):
    data = (root / "train.txt").read_bytes()
    assert refusals(root / "train.txt", data, trials, lambda file: NYUDv2(root)) > trials / 10


@fuzz(short=60)
def test_damaged_cameras(tmp_path, trials):
    data = "".join(f"rgb/{i:06d}.png {500 + i}.5 501 15.5 11.5\n" for i in range(5)).encode()
    assert refusals(tmp_path / "intrinsics.txt", data, trials, read_camera_file) > trials / 10


@fuzz(short=30)
def test_damaged_kitti_calibration(tmp_path, trials):
    write_calibration(tmp_path / DATE)
    for name in ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt"):
        file = tmp_path / DATE / name
        data = file.read_bytes()

        def read(file):
            fx, fy, *_ = read_camera_intrinsics(tmp_path, DATE, 2)
            assert fx > 0 and fy > 0 and lidar_to_image(tmp_path, DATE, 2).isfinite().all()

        assert refusals(file, data, trials // 2, read) > trials / 50
        file.write_bytes(data)


@fuzz(short=60)
def test_damaged_kitti_lists(tmp_path, trials):
    lines = f"{DATE}/{DRIVES['train']} 0000000006 l\n{DATE}/{DRIVES['val']} 4 r\n".encode() * 3
    assert refusals(tmp_path / "list.txt", lines, trials // 2, lambda file: list(read_frame_list(file))) > trials / 20
    image = f"{DATE}/{DRIVES['train']}/image_02/data/0000000006.png"
    index = f"{image}\ttrain/x.png\t-\n".encode() * 3
    assert refusals(tmp_path / "list.txt", index, trials // 2, lambda file: list(read_index(file))) > trials / 20


@fuzz(short=60)
def test_damaged_kitti_index(tmp_path, trials):
    data = f"{DATE}/image_02 1.5 2.5 3 4\n{DATE}/image_03 1 2 3 4\n".encode()
    assert refusals(tmp_path / "intrinsics.txt", data, trials // 2, lambda file: read_cameras(tmp_path)) > trials / 20
    data = json.dumps(dict(raw="/data/raw", depth="/data/depth")).encode()
    assert refusals(tmp_path / "kitti_depth.json", data, trials // 2, lambda file: find_index(tmp_path)) > trials / 20


@fuzz(short=60)
def test_damaged_cityscapes_cameras(tmp_path, trials):
    data = json.dumps(cityscapes_camera()).encode()

    def read(file):
        assert min(read_camera(file)[:2]) > 0

    assert refusals(tmp_path / "x_camera.json", data, trials, read) > trials / 10


@fuzz(short=60)
def test_damaged_pseudo_label_descriptions(tmp_path, trials):
    tasks = dict(depth=dict(kind="metric_depth", scale=5000.0), semseg=dict(kind="classes", num_classes=40))
    data = json.dumps(dict(teacher="x", tasks=tasks)).encode()
    assert refusals(tmp_path / "pseudo_labels.json", data, trials, lambda file: PseudoLabels(tmp_path)) > trials / 10


@fuzz(short=40)
def test_damaged_tables(tmp_path, trials):
    space = "id,name,colour\n" + "".join(f"{i},class {i},#{i:06x}\n" for i in range(6))
    assert refusals(tmp_path / "mine.csv", space.encode(), trials // 2, label_space) > trials / 20
    names = label_space("camvid11").classes
    mapping = "# mine\ncamvid11,kitti6\n" + "".join(
        f"{name},{random.Random(name).choice(['car', '', 'sky'])}\n" for name in names
    )
    read = lambda file: class_map("camvid11", "kitti6", file)  # noqa: E731
    assert refusals(tmp_path / "map.csv", mapping.encode(), trials // 2, read) > trials / 20


def test_parse_camera_takes_numbers_and_texts():
    assert parse_camera([1, "2", 3.5, "4e0"]) == (1.0, 2.0, 3.5, 4.0)
