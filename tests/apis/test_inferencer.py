"""Maps of every task for images of any kind and size."""

import threading

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement
from PIL import Image

from mtl_plugins.apis import MultiTaskInferencer
from mtl_plugins.apis.map_files import DEPTH_SCALE, write_map
from mtl_plugins.apis.predictions import PredictionWriter
from mtl_plugins.apis.sources import list_images, read_source
from mtl_plugins.backends import available_backends
from mtl_plugins.functional.normals_png import decode_normals
from mtl_plugins.structures import TaskData

OPTIONS = {"model.backbone.model_name": "test_resnet", "model.neck.channels": 8}
RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (37, 50, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def inferencer():
    torch.manual_seed(0)
    return MultiTaskInferencer("hydranet_nyud_three", device="cpu", cfg_options=OPTIONS)


def test_maps_have_the_size_of_the_image(inferencer):
    maps = inferencer(PICTURE)
    assert {task: (value.shape, value.dtype) for task, value in maps.items()} == dict(
        semseg=((37, 50), np.uint8), depth=((37, 50), np.float32), normals=((3, 37, 50), np.float32)
    )
    assert maps["semseg"].max() < 40 and (maps["depth"] >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(maps["normals"], axis=0), 1, atol=1e-5)


def test_paths_arrays_and_tensors_give_equal_predictions(inferencer, tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    kinds = [str(tmp_path / "a.png"), tmp_path / "a.png", PICTURE, torch.from_numpy(PICTURE).permute(2, 0, 1)]
    first, *others = (inferencer(kind) for kind in kinds)
    for other in others:
        assert all(np.array_equal(first[task], other[task]) for task in first)


def test_batch_predictions_of_mixed_sizes_equal_single_image_predictions(inferencer):
    pictures = [PICTURE, PICTURE[:33, :40].copy(), PICTURE[::-1].copy()]
    together = inferencer(pictures, batch_size=3)
    assert isinstance(together, list) and len(together) == 3
    for picture, maps in zip(pictures, together, strict=True):
        single = inferencer(picture)
        assert maps["depth"].shape == picture.shape[:2]
        np.testing.assert_allclose(maps["depth"], single["depth"], rtol=1e-3, atol=1e-3)


def test_grey_images_are_converted_to_rgb(inferencer):
    grey = PICTURE[..., 0]
    colour = inferencer(np.repeat(grey[..., None], 3, 2))
    assert np.array_equal(inferencer(grey)["depth"], colour["depth"])


def test_predictions_have_the_image_size_if_the_input_is_resized():
    small = MultiTaskInferencer("hydranet_synthrooms", device="cpu", cfg_options=OPTIONS)
    assert small(PICTURE)["depth"].shape == (37, 50)


@pytest.mark.parametrize(
    "source, given",
    [
        (PICTURE.astype(np.float32), r"float32 \(37, 50, 3\)"),
        (PICTURE[..., :2], r"uint8 \(37, 50, 2\)"),
        (torch.zeros(3, 4, 5), r"torch.float32 \(3, 4, 5\)"),
        (torch.zeros(4, 5, 3, dtype=torch.uint8), r"torch.uint8 \(4, 5, 3\)"),
        (7, "int"),
    ],
)
def test_an_unsupported_image_raises(inferencer, source, given):
    with pytest.raises(ValueError, match=f"an image .*given: {given}"):
        inferencer(source)


def test_a_missing_image_raises(inferencer, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.png"):
        inferencer(tmp_path / "nothing.png")


def test_folders_and_globs_give_lists(inferencer, tmp_path):
    for name in ("a", "b"):
        Image.fromarray(PICTURE).save(tmp_path / f"{name}.png")
    for source in (tmp_path, str(tmp_path), f"{tmp_path}/*.png"):
        predictions = inferencer(source, batch_size=2, show_progress=False)
        assert [maps["depth"].shape for maps in predictions] == [(37, 50)] * 2
    assert isinstance(inferencer([PICTURE]), list)


def test_only_selected_tasks_are_computed():
    few = MultiTaskInferencer("hydranet_nyud_three", device="cpu", cfg_options=OPTIONS, tasks=["depth"])
    assert few.tasks == ("depth",) and set(few.model.heads) == {"depth"}
    assert set(few(PICTURE)) == {"depth"}
    with pytest.raises(ValueError, match="has no task edge: choose from semseg, depth, normals"):
        MultiTaskInferencer("hydranet_nyud_three", device="cpu", cfg_options=OPTIONS, tasks=["edge"])


def test_data_samples_and_panels(inferencer, tmp_path):
    samples = inferencer([PICTURE, PICTURE], return_datasamples=True, out_dir=tmp_path / "out", show_progress=False)
    assert [tuple(sample.pred.normals.shape) for sample in samples] == [(3, 37, 50)] * 2
    assert sorted(path.name for path in (tmp_path / "out" / "panels").iterdir()) == ["image.png", "image_2.png"]
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file/out cannot be created.*Give a folder"):
        inferencer(PICTURE, out_dir=tmp_path / "file" / "out")


def test_a_stream_reads_ahead(inferencer):
    ahead = threading.Event()

    def endless():
        yield PICTURE
        yield PICTURE
        ahead.set()  # the next image was read before the first result was taken
        while True:
            yield PICTURE

    stream = inferencer.stream(endless())
    next(stream)
    assert ahead.wait(30)
    stream.close()


def test_broken_images_are_skipped_with_on_error(inferencer, tmp_path):
    (tmp_path / "cut.png").write_bytes(b"no image")
    errors = []
    results = list(inferencer.stream([PICTURE, tmp_path / "cut.png", PICTURE], 2, on_error=errors.append))
    assert len(results) == 2 and len(errors) == 1 and "cut.png" in str(errors[0])
    with pytest.raises(ValueError, match="cut.png"):
        list(inferencer.stream([PICTURE, tmp_path / "cut.png"]))
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        inferencer(PICTURE, batch_size=0)


@pytest.mark.skipif("openvino" not in available_backends(), reason="OpenVINO is not installed")
def test_another_backend_gives_equal_predictions(inferencer):
    torch.manual_seed(0)
    options = dict(device="cpu", cfg_options=OPTIONS, tasks=["normals", "depth"])
    other = MultiTaskInferencer("hydranet_nyud_three", backend="openvino", **options)
    for picture in (PICTURE, PICTURE[:36, :44].copy()):
        wanted, given = inferencer(picture), other(picture)
        assert list(given) == ["normals", "depth"]
        for task in given:
            np.testing.assert_allclose(given[task], wanted[task], atol=1e-3)


def test_an_unknown_backend_raises():
    with pytest.raises(ValueError, match="backend 'tensorrt' does not exist: .*choose from torch, compile"):
        MultiTaskInferencer("hydranet_nyud_three", cfg_options=OPTIONS, backend="tensorrt")
    with pytest.raises(FileNotFoundError, match="the exported network nowhere.onnx does not exist"):
        MultiTaskInferencer("hydranet_nyud_three", cfg_options=OPTIONS, backend="nowhere.onnx")


# listing images


@pytest.fixture
def pictures(tmp_path):
    for name in ("a.png", "b.JPG", "sub/c.jpeg", "sub/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(paths):
    return [path.name for path in paths]


def test_files_folders_and_globs_are_listed_once_each(pictures):
    assert names(list_images([pictures])) == ["a.png", "b.JPG", "c.jpeg"]
    assert names(list_images([pictures / "sub", pictures / "a.png"])) == ["c.jpeg", "a.png"]
    assert names(list_images([f"{pictures}/*.png", pictures / "a.png"])) == ["a.png"]
    assert names(list_images([f"{pictures}/**/*.jpeg"])) == ["c.jpeg"]


def test_relative_globs(pictures, monkeypatch):
    monkeypatch.chdir(pictures)
    assert names(list_images(["*.JPG", "sub"])) == ["b.JPG", "c.jpeg"]


@pytest.mark.parametrize(
    "source, message",
    [("*.tiff", "contains no image"), ("nothing.png", "does not exist"), ("sub/*.txt", "contains no image")],
)
def test_a_source_without_images_raises(pictures, source, message):
    with pytest.raises(FileNotFoundError, match=message):
        list_images([pictures / source])


# raw maps


def test_maps_are_restored_from_png(tmp_path):
    classes = RNG.integers(0, 40, (5, 7), dtype=np.uint8)
    depth = RNG.uniform(0, 70, (5, 7)).astype(np.float32)
    normals = RNG.standard_normal((3, 5, 7)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=0)
    read = {
        task: np.array(Image.open(write_map(task, values, tmp_path, "x", "png")))
        for task, values in dict(semseg=classes, depth=depth, normals=normals).items()
    }
    assert np.array_equal(read["semseg"], classes)
    assert read["depth"].dtype == np.uint16
    np.testing.assert_allclose(read["depth"] / DEPTH_SCALE, depth.clip(max=65.535), atol=0.6 / DEPTH_SCALE)
    np.testing.assert_allclose(decode_normals(read["normals"]).transpose(2, 0, 1), normals, atol=0.01)


@pytest.mark.parametrize("kind", ["npy", "png"])
def test_maps_that_png_cannot_store_are_written_as_npy(tmp_path, kind):
    values = RNG.standard_normal((2, 5, 7)).astype(np.float32)
    path = write_map("flow", values, tmp_path, "x", kind)
    assert path == tmp_path / "flow" / "x.npy"
    assert np.array_equal(np.load(path), values)


def test_a_network_without_a_checkpoint_warns(capture_log, tmp_path):
    inferencer = MultiTaskInferencer("hydranet_nyud", device="cpu", cfg_options=OPTIONS)
    assert capture_log().count("its heads have random weights") == 1
    torch.save({"state_dict": inferencer.model.state_dict()}, tmp_path / "net.pth")
    MultiTaskInferencer("hydranet_nyud", tmp_path / "net.pth", "cpu", OPTIONS)
    assert capture_log().count("its heads have random weights") == 1


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_photos_are_turned_as_viewers_show_them(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(tmp_path / f"photo.{suffix}", exif=exif)
    assert read_source(tmp_path / f"photo.{suffix}")[0].shape == (3, 32, 24)


def test_a_changed_aspect_ratio_is_reported_once(capture_log):
    options = OPTIONS | {"predict_pipeline": [dict(type="ResizeInput", size=(64, 96)), dict(type="PackSample")]}
    predict = MultiTaskInferencer("hydranet_nyud_three", device="cpu", cfg_options=options, tasks=["depth"])
    wide, same = np.zeros((40, 160, 3), np.uint8), np.zeros((32, 48, 3), np.uint8)
    predict([same], show_progress=False)
    assert "is resized to" not in capture_log()
    predict([wide, wide], show_progress=False)
    assert capture_log().count("an image of 40 x 160 is resized to 64 x 96") == 1


def test_depth_that_a_png_cannot_hold_is_reported_once(capture_log, tmp_path):
    image = torch.zeros(3, 4, 5, dtype=torch.uint8)
    sample = BaseDataElement(metainfo=dict(img_path="street.png"))
    writer = PredictionWriter(tmp_path, {}, panels=False, maps="png")
    for metres in (65.5, 80.0, 90.0):
        sample.pred = TaskData(depth=torch.full((1, 4, 5), metres), semseg=torch.full((1, 4, 5), 70, dtype=torch.uint8))
        writer.write(image, sample)
        assert ("depth reaches 80.0 m" in capture_log()) == (metres > 65.535)
    assert capture_log().count("larger values are clipped") == 1
    PredictionWriter(tmp_path, {}, panels=False, maps="npy").write(image, sample)
    assert capture_log().count("larger values are clipped") == 1
