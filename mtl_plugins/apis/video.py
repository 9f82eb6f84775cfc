"""Frames out of video files and cameras, and into video files."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mtl_plugins.files import free_space, write_error

# OpenCV comes with mmengine, and FFmpeg with OpenCV: nothing more has to be installed for video.

_CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
_ROOM = 2**24  # bytes that are left on the disk, so that the file can still be closed properly
_FRAMES_PER_SECOND = 25.0  # where the source does not say
_MISSING = 0.01  # share of the frames that a container may count too many


class VideoReader:
    """Frames of a video file, a stream (``'rtsp://...'``) or a camera (``0``), uint8 (H, W, 3), RGB.

    ``size`` (H, W), ``fps`` and ``frames``, their number; ``None`` where it is not known.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an empty file, or none that FFmpeg reads; no such camera.
    """

    def __init__(self, source: str | Path | int):
        self.camera = isinstance(source, int) or str(source).isdecimal()
        self.name = f"camera {source}" if self.camera else str(source)
        stream = "://" in str(source)
        if not self.camera and not stream:
            _check_file(Path(source))
        self.capture = cv2.VideoCapture(int(source) if self.camera else str(source))
        if not self.capture.isOpened():
            self.capture.release()
            raise ValueError(_not_opened(self.name, self.camera, stream))
        self.fps = self.capture.get(cv2.CAP_PROP_FPS) or _FRAMES_PER_SECOND
        count = int(self.capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.frames = count if count > 0 and not self.camera and not stream else None
        size = (self.capture.get(name) for name in (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH))
        self.size = tuple(map(int, size))

    def __iter__(self) -> Iterator[np.ndarray]:
        """The frames, once.

        Raises:
            ValueError: after the last that could be read: a file that is cut off or holds none, a camera that is gone.
        """
        number = 0
        try:
            while (frame := self._next()) is not None:
                yield frame
                number += 1
        finally:
            self.capture.release()
        if self.camera:
            raise ValueError(f"{self.name} is gone: it gave {number} frames, and no more. Check its cable.")
        if not number:
            raise ValueError(f"{self.name} holds no frame that can be read: it is empty or damaged.")
        if self.frames and number < self.frames * (1 - _MISSING) - 1:
            raise ValueError(f"{self.name} is damaged or cut off: {number} of its {self.frames} frames could be read.")

    def _next(self):
        there, frame = self.capture.read()
        return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if there else None


class VideoWriter:
    """A video file that is made frame by frame, and that plays however the work ended: use it in ``with``.

    Args:
        path: ``.mp4``, ``.mkv`` (MPEG-4) or ``.avi`` (motion JPEG).
        fps: Frames a second.

    Raises:
        ValueError: another suffix.
        OSError: the folder can't be written, or the disk is full: the frames so far stay in the file.
    """

    def __init__(self, path: str | Path, fps: float):
        self.path, self.fps = Path(path), fps
        self.frames = 0
        self._writer = None
        if self.path.suffix.lower() not in _CODECS:
            raise ValueError(f"{path}: a video is written as {', '.join(_CODECS)}.")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_written(self.path, error.strerror) from error
        if not os.access(self.path.parent, os.W_OK):
            raise _not_written(self.path, "permission denied")

    def write(self, frame: np.ndarray) -> None:
        """One more frame, uint8 (H, W, 3), RGB; all are of one size."""
        if free_space(self.path.parent) < _ROOM:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            advice = f"The file has the first {self.frames} frames. Free some space and run the command again"
            raise write_error(full, self.path, advice=advice)
        if self._writer is None:
            codec = cv2.VideoWriter_fourcc(*_CODECS[self.path.suffix.lower()])
            self._writer = cv2.VideoWriter(str(self.path), codec, self.fps, frame.shape[1::-1])
            if not self._writer.isOpened():
                raise _not_written(self.path, "FFmpeg can't open it")
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        self.frames += 1

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if self._writer is not None:
            self._writer.release()
        if error is None:
            self._check()

    def _check(self):
        """OpenCV says nothing when it can't write: what is in the file tells."""
        if not self.frames:
            return
        capture = cv2.VideoCapture(str(self.path))
        written = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if written < self.frames:
            raise OSError(
                f"{self.path} holds {written} of the {self.frames} frames that were written to it: is the disk full?"
            )


def _check_file(path):
    if not path.is_file():
        raise FileNotFoundError(f"there is no video {path}.")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty: it holds no video.")


def _not_opened(name, camera, stream):
    if camera:
        return f"{name} can't be opened: there is none of this number, or another program uses it."
    if stream:
        return f"{name} can't be opened: check the address, and whether it can be reached."
    return (
        f"{name} is no video that can be read: it is damaged, of an unknown format, or cut off (an MP4 without its end "
        f"has lost its index)."
    )


def _not_written(path, reason):
    return OSError(f"{path} can't be written: {reason}. Give a folder that you may write to")
