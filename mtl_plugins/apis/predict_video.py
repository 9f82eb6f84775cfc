"""Videos with predictions drawn over or next to their frames."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtl_plugins.files import progress_bar
from mtl_plugins.structures import named_leaves
from mtl_plugins.visualization.overlay import OverlayPainter

from .predictions import to_numpy
from .stages import overlap
from .video import VideoReader, VideoWriter

if TYPE_CHECKING:
    from .inferencer import MultiTaskInferencer

_STAGES = ("read", "network", "paint", "write")


@dataclass(frozen=True)
class VideoReport:
    """How a video was written.

    Attributes:
        path: The video.
        frames: Number of frames.
        seconds: Total time.
        stages: Seconds of work of each stage; the stages run concurrently.
    """

    path: Path
    frames: int
    seconds: float
    stages: dict[str, float]

    def __str__(self) -> str:
        work = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.stages.items())
        slowest = max(self.stages, key=lambda name: self.stages[name])
        return (
            f"{self.path}: {self.frames} frames in {self.seconds:.1f} s, {self.frames / self.seconds:.1f} per second "
            f"(seconds of work: {work}; the slowest is {slowest})"
        )


def predict_video(
    inferencer: "MultiTaskInferencer",
    source: str | Path | int,
    out: str | Path,
    batch_size: int = 1,
    limit: int | None = None,
    opacity: float = 0.5,
    show_progress: bool = True,
) -> VideoReport:
    """Write a video whose frames show their predictions; see `MultiTaskInferencer.video`."""
    if not isinstance(source, int) and Path(source).exists() and Path(out).exists() and Path(out).samefile(source):
        raise ValueError(f"{out} is also the input video: choose another output folder.")
    reader, painter = VideoReader(source), OverlayPainter(inferencer.dataset_meta, opacity)
    number = limit if reader.frames is None else min(reader.frames, limit or reader.frames)
    begin, seconds = time.perf_counter(), [0.0]

    def paint(batch_and_samples: tuple[dict, Sequence[Any]]) -> list[np.ndarray]:
        batch, samples = batch_and_samples
        return [
            painter.draw(image.permute(1, 2, 0).numpy(), _leaves(to_numpy(sample, inferencer.tasks)))
            for image, sample in zip(batch["images"], samples, strict=True)
        ]

    def write(pictures: list[np.ndarray]) -> int:
        for picture in pictures:
            writer.write(picture)
        return len(pictures)

    with VideoWriter(out, reader.fps) as writer, progress_bar("video", number, "frames", show_progress) as advance:
        batches = inferencer.preprocess(islice(reader, limit), batch_size)
        steps = (lambda batch: (batch, inferencer.forward(batch)), paint, write)
        try:
            with closing(overlap(batches, *steps, seconds=seconds)) as results:
                for done in results:
                    advance(done)
        except KeyboardInterrupt:
            if not reader.camera:
                raise
        except ValueError as error:
            raise ValueError(f"{error} {_describe_rest(writer)}") from error
    stages = dict(zip(_STAGES, seconds, strict=True))
    return VideoReport(Path(out), writer.frames, time.perf_counter() - begin, stages)


def _leaves(predictions: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: leaf for task, value in predictions.items() for name, leaf in named_leaves(value, task).items()}


def _describe_rest(writer: VideoWriter) -> str:
    return f"The first {writer.frames} frames are in {writer.path}." if writer.frames else "No video was written."
