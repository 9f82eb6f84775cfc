"""Reading frames from video files and cameras, and writing video files."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mtl_plugins.files import free_space, temporary_path, write_error

# OpenCV is a dependency of mmengine and includes FFmpeg, so videos need no further package.

_CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
_RESERVE = 2**24  # bytes that stay free on the disk, so that the file can still be closed properly
_DEFAULT_FPS = 25.0  # if the source does not state its frame rate
_TOLERATED = 0.01  # share of frames that may be missing: containers may count too many


class VideoReader:
    """Iterates over the frames of a video file, a stream or a camera: uint8 RGB (H, W, 3).

    Args:
        source: A path, an address (`'rtsp://...'`), or the number of a camera.

    Attributes:
        name: Name of the source in messages.
        camera: Whether the source is a camera.
        size: (H, W) of the frames.
        fps: Frames per second.
        frames: Number of frames; None if it is unknown.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is empty or cannot be read by FFmpeg, or the camera does not exist.
    """

    def __init__(self, source: str | Path | int):
        self.camera = isinstance(source, int) or str(source).isdecimal()
        self.name = f"camera {source}" if self.camera else str(source)
        stream = "://" in str(source)
        if not self.camera and not stream:
            _check_file(Path(str(source)))
        self.capture = cv2.VideoCapture(int(str(source)) if self.camera else str(source))
        if not self.capture.isOpened():
            self.capture.release()
            raise ValueError(_not_opened(self.name, self.camera, stream))
        self.fps = self.capture.get(cv2.CAP_PROP_FPS) or _DEFAULT_FPS
        count = int(self.capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.frames = count if count > 0 and not self.camera and not stream else None
        size = (self.capture.get(name) for name in (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH))
        self.size = tuple(map(int, size))

    def __iter__(self) -> Iterator[np.ndarray]:
        """Iterate over the frames once.

        Raises:
            ValueError: After the last readable frame, if the file is empty, damaged or incomplete, or if the camera
                disconnected.
        """
        number = 0
        try:
            while (frame := self._next()) is not None:
                yield frame
                number += 1
        finally:
            self.capture.release()
        if self.camera:
            raise ValueError(f"{self.name} disconnected after {number} frames. Check its cable.")
        if not number:
            raise ValueError(f"{self.name} has no readable frame: it is empty or damaged.")
        if self.frames and number < self.frames * (1 - _TOLERATED) - 1:
            raise ValueError(
                f"{self.name} is damaged or incomplete: {number} of its {self.frames} frames could be read."
            )

    def _next(self):
        success, frame = self.capture.read()
        return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if success else None


class VideoWriter:
    """Writes a video file frame by frame. Use it as a context manager: the file is playable even after an error.

    The file gets its name when the context ends, so that a killed process leaves no incomplete video under this name.

    Args:
        path: Path of the file: `.mp4` or `.mkv` (MPEG-4), or `.avi` (motion JPEG).
        fps: Frames per second.

    Attributes:
        frames: Number of frames written so far.

    Raises:
        ValueError: Unknown suffix.
        OSError: The folder cannot be written, or the disk is full. Frames written before stay in the file.
    """

    def __init__(self, path: str | Path, fps: float):
        self.path, self.fps = Path(path), fps
        self.frames = 0
        self._temporary = temporary_path(self.path)
        self._writer: cv2.VideoWriter | None = None
        if self.path.suffix.lower() not in _CODECS:
            raise ValueError(f"{path}: the suffix of a video must be one of {', '.join(_CODECS)}.")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_written(self.path, error.strerror) from error
        if not os.access(self.path.parent, os.W_OK):
            raise _not_written(self.path, "permission denied")

    def write(self, frame: np.ndarray) -> None:
        """Append a frame, uint8 RGB (H, W, 3). All frames must have the same size."""
        if free_space(self.path.parent) < _RESERVE:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            advice = f"The file contains the first {self.frames} frames. Free some space and run the command again"
            raise write_error(full, self.path, advice=advice)
        if self._writer is None:
            codec = cv2.VideoWriter.fourcc(*_CODECS[self.path.suffix.lower()])
            self._writer = cv2.VideoWriter(str(self._temporary), codec, self.fps, frame.shape[1::-1])
            if not self._writer.isOpened():
                raise _not_written(self.path, "FFmpeg cannot open it")
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        self.frames += 1

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if self._writer is None:
            return
        self._writer.release()
        try:
            if error is None:
                self._check()
            if self.frames and self._temporary.exists():
                os.replace(self._temporary, self.path)
        finally:
            self._temporary.unlink(missing_ok=True)

    def _check(self):
        """Count the frames in the file: OpenCV does not report write errors."""
        if not self.frames:
            return
        capture = cv2.VideoCapture(str(self._temporary))
        written = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if written < self.frames:
            raise OSError(
                f"{self.path} contains only {written} of the {self.frames} frames that were written, and was deleted: "
                "is the disk full?"
            )


def _check_file(path):
    if not path.is_file():
        raise FileNotFoundError(f"the video {path} does not exist.")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty.")


def _not_opened(name, camera, stream):
    if camera:
        return f"{name} cannot be opened: it does not exist, or another program uses it."
    if stream:
        return f"{name} cannot be opened: check the address and the connection."
    return (
        f"{name} is not a readable video: it is damaged, has an unknown format, or is incomplete (the index of an MP4 "
        f"is at its end)."
    )


def _not_written(path, reason):
    return OSError(f"{path} cannot be written: {reason}. Choose a writable folder")
