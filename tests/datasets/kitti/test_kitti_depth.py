import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from mtl_plugins.datasets import DataError, KITTIDepth
from mtl_plugins.datasets.kitti import Frame, lidar_to_image, read_camera_intrinsics, read_frame_list
from mtl_plugins.functional import KB_CROP
from mtl_plugins.structures import DepthMap, Intrinsics

from ...contracts.dataset_contract import DatasetContract
from ..data_files import SIZE
from ..driving_files import CAMERAS, DATE, DRIVES, FRAMES, write_kitti

EIGEN = f"{DATE}/{DRIVES['train']} 0000000006 l\n{DATE}/{DRIVES['val']} 4 l\n{DATE}/{DRIVES['train']} 0000000005 r\n"


@pytest.fixture
def root(tmp_path):
    return write_kitti(tmp_path)


class TestImproved(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="KITTIDepth", data_root=str(root))


class TestLidar(DatasetContract):
    @pytest.fixture
    def config(self, root):
        return dict(type="KITTIDepth", data_root=str(root), depth="lidar", depth_range=(1.0, 80.0))


class TestCropped(DatasetContract):
    @pytest.fixture
    def config(self, tmp_path):
        root = write_kitti(tmp_path, size=(360, 1220), frames=(5,))
        return dict(type="KITTIDepth", data_root=str(root), crop="kb")


def depth_png(path):
    return np.asarray(Image.open(path)) / 256


def test_values_match_the_files(root):
    dataset = KITTIDepth(root)
    assert len(dataset) == 2 * len(FRAMES) and dataset.label_counts() == dict(depth=2 * len(FRAMES))
    sample = dataset[len(FRAMES)]  # the right camera follows the left one
    assert type(sample["depth"]) is DepthMap and sample["img"].shape == (3, *SIZE)
    folder = f"depth/train/{DRIVES['train']}/proj_depth/groundtruth/image_03"
    np.testing.assert_allclose(sample["depth"][0].numpy(), depth_png(root / folder / "0000000005.png"), rtol=1e-6)
    assert sample["meta"]["img_path"].endswith(f"{DATE}/{DRIVES['train']}/image_03/data/0000000005.png")
    np.testing.assert_allclose(sample["intrinsics"].numpy(), CAMERAS[3][:4])
    assert len(KITTIDepth(root, "val")) == len(FRAMES) * 2
    assert len(KITTIDepth(root, cameras=(2,))) == len(FRAMES)


def test_jpeg_images(tmp_path):
    assert KITTIDepth(write_kitti(tmp_path, ending="jpg"))[0]["meta"]["img_path"].endswith("0000000005.jpg")


def test_lidar_points_are_projected_to_their_pixels(root):
    """Compared with the equation of KITTI's development kit, point by point."""
    dataset = KITTIDepth(root, depth="lidar")
    for index, camera in ((0, 2), (3, 3)):
        sample = dataset[index]
        points = np.fromfile(
            root / "raw" / DATE / DRIVES["train"] / "velodyne_points/data/0000000005.bin", np.float32
        ).reshape(-1, 4)
        expected = np.full(SIZE, np.inf)
        matrix = lidar_to_image(root / "raw", DATE, camera).numpy()
        for x, y, z, _ in points.astype(np.float64):
            u, v, w = matrix @ (x, y, z, 1)
            if w > 0 and 0 <= round(v / w) < SIZE[0] and 0 <= round(u / w) < SIZE[1]:
                expected[round(v / w), round(u / w)] = min(expected[round(v / w), round(u / w)], w)
        expected[np.isinf(expected)] = 0
        assert (expected > 0).sum() > 20
        np.testing.assert_allclose(sample["depth"][0].numpy(), expected, rtol=1e-6)
        assert sample["meta"]["label_paths"]["depth"].endswith("velodyne_points/data/0000000005.bin")


def test_kb_crop_keeps_the_bottom_centre_of_all_tensors(tmp_path):
    root = write_kitti(tmp_path, size=(375, 1242), frames=(5,))
    complete, cropped = KITTIDepth(root)[0], KITTIDepth(root, crop="kb")[0]
    top, left = 375 - 352, (1242 - 1216) // 2
    for key in ("img", "depth"):
        assert cropped[key].shape[-2:] == KB_CROP and type(cropped[key]) is type(complete[key])
        assert torch.equal(cropped[key], complete[key][:, top:, left : left + 1216])
    assert isinstance(cropped["intrinsics"], Intrinsics) and cropped["intrinsics"].canvas_size == KB_CROP
    assert cropped["intrinsics"].tolist() == [20.0, 20.5, 15.5 - left, 10.25 - top]


def test_kb_crop_of_an_image_that_is_too_small(root):
    with pytest.raises(DataError, match=r"0000000005.png: the KB crop takes 352×1216 \(H×W\), but the image is 24×32"):
        KITTIDepth(root, crop="kb")[0]


def test_readings_outside_depth_range_are_invalid(root):
    complete, near = KITTIDepth(root)[0]["depth"], KITTIDepth(root, depth_range=(5, 40))[0]["depth"]
    inside = (complete >= 5) & (complete <= 40)
    assert torch.equal(near, torch.where(inside, complete, 0)) and type(near) is DepthMap
    assert 0 < inside.sum() < (complete > 0).sum()
    with pytest.warns(UserWarning, match="no reading within 200…300 m"):
        sample = KITTIDepth(root, depth_range=(200, 300))[0]
    assert "depth" not in sample and sample["meta"]["label_paths"] == {}
    for wrong in ((5,), (40, 5), "far", (-1, 2)):
        with pytest.raises(ValueError, match="0 <= min < max"):
            KITTIDepth(root, depth_range=wrong)


def test_a_list_in_the_usual_format(root):
    (root / "eigen.txt").write_text(EIGEN)
    dataset = KITTIDepth(root, "eigen_test", ann_file="eigen.txt")
    assert len(dataset) == 2, "the frame without improved depth is left out"
    assert [dataset.get_data_info(i)["img_path"][-23:] for i in range(2)] == [
        "/image_02/data/0000000006.png"[-23:],
        "/image_03/data/0000000005.png"[-23:],
    ]
    every = KITTIDepth(root, "eigen_test", ann_file="eigen.txt", labelled_only=False)
    assert len(every) == 3 and every.label_counts() == dict(depth=2) and "depth" not in every[1]
    assert len(KITTIDepth(root, ann_file="eigen.txt", tasks=[])) == 3
    assert len(KITTIDepth(root, ann_file="eigen.txt", cameras=(3,))) == 1


def test_lines_of_lists(tmp_path):
    path, image = tmp_path / "list.txt", f"{DATE}/{DRIVES['train']}/image_02/data/0000000069.png"
    path.write_text(
        f"{image} {DRIVES['train']}/proj_depth/groundtruth/image_02/0000000069.png 721.5\n\n{image[:-3]}jpg\n"
    )
    assert list(read_frame_list(path)) == [Frame(DRIVES["train"], 2, 69)] * 2
    path.write_text(EIGEN + "2011_09_26/drive_1 5 l")
    with pytest.raises(DataError, match=r"list.txt, line 4: expected `2011.*l or r.*but got '2011_09_26/drive_1 5 l'"):
        list(read_frame_list(path))
    with pytest.raises(FileNotFoundError, match="list of frames .*gone.txt does not exist"):
        list(read_frame_list(tmp_path / "gone.txt"))


def test_missing_drives_are_left_out_with_a_warning(root):
    (root / "eigen.txt").write_text(EIGEN + f"{DATE}/{DATE}_drive_0099_sync 5 l\n")
    with pytest.warns(UserWarning, match="1 of 4 frames in .*eigen.txt belong to drives .*drive_0099"):
        assert len(KITTIDepth(root, ann_file="eigen.txt")) == 2
    with pytest.raises(FileNotFoundError, match=r"6 of 6 frames .*raw_root=…"):
        KITTIDepth(root, raw_root=root / "depth")


def test_missing_images_and_calibration(root):
    folder = root / "raw" / DATE
    (folder / DRIVES["train"] / "image_02/data/0000000006.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"(?s)1 of the files .*image_02/data/0000000006.png"):
        KITTIDepth(root)
    val = dict(data_root=root, split="val")
    (folder / "calib_velo_to_cam.txt").unlink()
    assert len(KITTIDepth(**val)) == 6
    with pytest.raises(
        FileNotFoundError, match=r"calib_velo_to_cam.txt.*raw_data/2011_09_26_calib.zip.*project laser scans"
    ):
        KITTIDepth(**val, depth="lidar")
    (folder / "calib_cam_to_cam.txt").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"calib_cam_to_cam.txt.*raw_data/2011_09_26_calib.zip.*need_intrinsics"
    ):
        KITTIDepth(**val)
    sample = KITTIDepth(**val, need_intrinsics=False)[0]
    assert "intrinsics" not in sample and "depth" in sample


def test_truncated_calibration(root):
    path = root / "raw" / DATE / "calib_cam_to_cam.txt"
    text = path.read_text()
    path.write_text(text[: text.index("P_rect_02") + 30])
    with pytest.raises(
        DataError, match=r"calib_cam_to_cam.txt, line 10: P_rect_02 must have 3 × 4 numbers, but it has 2"
    ):
        read_camera_intrinsics(root / "raw", DATE, 2)


def test_missing_depth_of_the_chosen_kind_raises(root):
    for path in root.glob(f"raw/{DATE}/*/velodyne_points/data/*"):
        path.unlink()
    with pytest.raises(DataError, match="none of 6 frames has lidar depth"):
        KITTIDepth(root, depth="lidar")


def test_truncated_scan(root):
    path = root / "raw" / DATE / DRIVES["train"] / "velodyne_points/data/0000000005.bin"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"0000000005.bin \(6,397 bytes\) is not a laser scan"):
        KITTIDepth(root, depth="lidar")[0]


def test_unknown_options_raise(root):
    for option in (dict(depth="raw"), dict(crop="eigen"), dict(cameras=(0,)), dict(cameras=()), dict(split="test")):
        with pytest.raises(ValueError, match=next(iter(option))):
            KITTIDepth(root, **option)


def test_depth_of_two_datasets_can_have_two_heads(root):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for depth in ("improved", "lidar"):
            dataset = KITTIDepth(root, depth=depth, rename=dict(depth="far"), name="kitti")
            assert "far" in dataset[0] and dataset[0]["meta"]["dataset"] == "kitti"
            assert dataset.label_counts() == dict(far=6)
