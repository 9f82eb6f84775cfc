"""Video in and out: what is read, what is written, and what is kept when something goes wrong."""

import shutil
import struct
from collections import namedtuple
from importlib.metadata import requires

import cv2
import numpy as np
import pytest
import torch

from mtl_plugins.apis import MultiTaskInferencer
from mtl_plugins.apis.video import VideoReader, VideoWriter

OPTIONS = {"model.backbone.model_name": "test_resnet", "model.neck.channels": 8}
SIZE, COUNT = (48, 64), 30


def frame(number):
    """Plain colours, so that a lossy codec keeps them."""
    return np.full((*SIZE, 3), (8 * number, 100, 250 - 8 * number), np.uint8)


def write_clip(path, count=COUNT):
    with VideoWriter(path, 10) as writer:
        for number in range(count):
            writer.write(frame(number))
    return path


def count_frames(path):
    return sum(1 for _ in VideoReader(path))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """A truncated AVI, whose first frames can be read."""
    path = write_clip(tmp_path_factory.mktemp("cut") / "cut.avi")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    return path


@pytest.fixture(scope="module")
def inferencer():
    torch.manual_seed(0)
    return MultiTaskInferencer("hydranet_nyud_three", device="cpu", cfg_options=OPTIONS)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_frames_are_restored_from_a_file(suffix, tmp_path):
    reader = VideoReader(write_clip(tmp_path / f"a{suffix}"))
    assert (reader.size, reader.frames) == (SIZE, COUNT) and reader.fps == pytest.approx(10)
    for number, read in enumerate(reader):
        assert np.abs(read.astype(int) - frame(number)).max() < 12
    assert number == COUNT - 1


def test_a_video_of_predictions(inferencer, clip, tmp_path):
    report = inferencer.video(clip, tmp_path / "new" / "out.mp4", batch_size=4, show_progress=False)
    written = VideoReader(report.path)
    assert report.frames == written.frames == count_frames(report.path) == COUNT
    assert written.size == (48, 3 * 64) and written.fps == pytest.approx(10)
    assert list(report.stages) == ["read", "network", "paint", "write"] and min(report.stages.values()) > 0
    assert "30 frames" in str(report) and "the slowest is network" in str(report)


def test_the_input_video_is_not_overwritten(inferencer, clip):
    content = clip.read_bytes()
    with pytest.raises(ValueError, match="is also the input video: choose another output folder"):
        inferencer.video(clip, clip, show_progress=False)
    assert clip.read_bytes() == content


def test_limit_and_selected_tasks(clip, tmp_path):
    depth = MultiTaskInferencer("hydranet_nyud_three", device="cpu", cfg_options=OPTIONS, tasks=["depth"])
    report = depth.video(clip, tmp_path / "out.mp4", limit=3, show_progress=False)
    assert report.frames == 3 and VideoReader(report.path).size == (48, 2 * 64)


def test_predictions_of_frames_equal_those_of_images(inferencer, clip):
    frames = list(VideoReader(clip))
    images, samples = zip(*inferencer.stream(clip, batch_size=7), strict=True)
    assert all(np.array_equal(image.permute(1, 2, 0), read) for image, read in zip(images, frames, strict=True))
    np.testing.assert_allclose(samples[-1].pred.depth[0], inferencer(frames[-1])["depth"], rtol=1e-3, atol=1e-3)
    assert len(inferencer(clip, batch_size=8, show_progress=False)) == COUNT


# errors


def test_a_truncated_video_raises_and_its_frames_are_kept(inferencer, cut, tmp_path):
    out = tmp_path / "out.mp4"
    with pytest.raises(ValueError, match=r"is damaged or incomplete: \d+ of its \d+ frames.*The first \d+ frames"):
        inferencer.video(cut, out, show_progress=False)
    assert 10 < count_frames(out) < COUNT


@pytest.mark.parametrize("content, message", [(b"", "is empty"), (b"no video at all" * 99, "is not a readable video")])
def test_an_unreadable_video_raises(inferencer, content, message, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"a.mp4 {message}"):
        inferencer.video(path, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_truncated_mp4_raises(clip, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(clip.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="index of an MP4"):
        VideoReader(path)


def test_a_missing_video_or_camera_raises(inferencer, tmp_path):
    with pytest.raises(FileNotFoundError, match="the video .*nothing.mp4 does not exist"):
        inferencer.video(tmp_path / "nothing.mp4", tmp_path / "out.mp4")
    with pytest.raises(ValueError, match="camera 97 cannot be opened"):
        inferencer.video(97, tmp_path / "out.mp4")
    with pytest.raises(ValueError, match="an image must be a path.*given: int"):
        inferencer(0)


@pytest.fixture
def camera(monkeypatch):
    """A stand-in for a camera that disconnects after `COUNT` frames, or is recorded until Ctrl-C."""

    class Camera:
        last, error = COUNT, None

        def __init__(self, source):
            self.source, self.number = source, 0

        def isOpened(self):
            return True

        def get(self, what):
            return {cv2.CAP_PROP_FRAME_HEIGHT: SIZE[0], cv2.CAP_PROP_FRAME_WIDTH: SIZE[1]}.get(what, 0.0)

        def read(self):
            if self.number == self.last:
                if self.error:
                    raise self.error
                return False, None
            self.number += 1
            return True, frame(self.number)

        def release(self):
            pass

    opened = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda source: Camera(source) if source == 0 else opened(source))
    return Camera


def test_a_disconnected_camera_raises_and_its_frames_are_kept(inferencer, camera, tmp_path):
    with pytest.raises(ValueError, match="camera 0 disconnected after 30 frames.*The first 30 frames are in"):
        inferencer.video(0, tmp_path / "out.mp4", show_progress=False)
    assert count_frames(tmp_path / "out.mp4") == COUNT


def test_a_camera_is_recorded_until_ctrl_c(inferencer, camera, tmp_path):
    camera.error = KeyboardInterrupt()
    report = inferencer.video("0", tmp_path / "out.mp4", show_progress=False)
    assert report.frames == count_frames(report.path) == COUNT
    with pytest.raises(ValueError, match="camera 0 is endless: use stream"):
        inferencer("0")


def test_an_unwritable_folder_or_unknown_suffix_raises(inferencer, clip, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file/out.mp4 cannot be written.*Choose a writable folder"):
        inferencer.video(clip, tmp_path / "file" / "out.mp4")
    with pytest.raises(ValueError, match="out.png: the suffix of a video must be one of .mp4, .avi, .mkv"):
        inferencer.video(clip, tmp_path / "out.png")


def test_a_full_disk_raises_and_the_frames_are_kept(inferencer, clip, monkeypatch, tmp_path):
    usage = namedtuple("usage", "free")
    free = iter([2**30] * 12)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(next(free, 2**20)))
    with pytest.raises(OSError, match="out.mp4: the disk is full.*The file contains the first 12 frames"):
        inferencer.video(clip, tmp_path / "out.mp4", show_progress=False)
    assert count_frames(tmp_path / "out.mp4") == 12


def test_frames_missing_in_the_written_file_raise(monkeypatch, tmp_path):
    with pytest.raises(OSError, match="contains only 5 of the 6 frames"), VideoWriter(tmp_path / "a.mp4", 10) as writer:
        for number in range(5):
            writer.write(frame(number))
        writer.frames += 1  # as if OpenCV had silently dropped a frame


def test_mmengine_requires_opencv():
    assert any(requirement.startswith("opencv-python") for requirement in requires("mmengine"))


@pytest.mark.parametrize(
    ("matrix", "size", "corner"),
    [
        ((1, 0, 0, 1), (48, 64), (0, 0)),
        ((0, 1, -1, 0), (64, 48), (0, -1)),
        ((-1, 0, 0, -1), (48, 64), (-1, -1)),
        ((0, -1, 1, 0), (64, 48), (-1, 0)),
    ],
)
def test_videos_are_turned_as_players_show_them(tmp_path, matrix, size, corner):
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:24, :32] = (255, 0, 0)
    path = tmp_path / "phone.mp4"
    with VideoWriter(path, 25) as writer:
        for _ in range(3):
            writer.write(frame)

    def transformation(a, b, c, d):
        return struct.pack(">9i", *(n * 2**16 for n in (a, b, 0, c, d, 0)), 0, 0, 2**30)

    content = path.read_bytes()
    at = content.index(transformation(1, 0, 0, 1), content.index(b"tkhd"))
    path.write_bytes(content[:at] + transformation(*matrix) + content[at + 36 :])
    reader = VideoReader(path)
    shown = next(iter(reader))
    assert reader.size == shown.shape[:2] == size
    red = shown[..., 0] > 128
    assert red[corner] and red.sum() < 0.3 * red.size
