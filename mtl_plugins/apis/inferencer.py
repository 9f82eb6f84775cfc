import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.structures import BaseDataElement
from torch import Tensor

from mtl_plugins.backends import Backend, build_backend, check_same_network, load_backend
from mtl_plugins.backends.build import SUFFIXES, find_backend
from mtl_plugins.backends.graph_backend import GraphBackend
from mtl_plugins.files import progress_bar
from mtl_plugins.models import InferenceNetwork
from mtl_plugins.models.multi_task_model import select_outputs
from mtl_plugins.visualization import MultiTaskVisualizer
from mtl_plugins.visualization.overlay import OverlayPainter

from .config import drop_pretrained, load_config
from .init_model import init_model
from .predict_pipeline import build_predict_pipeline, input_size
from .predictions import PredictionWriter, to_numpy
from .sources import is_many, is_video, list_images, read_source
from .stages import overlap
from .video import VideoReader, VideoWriter

__all__ = ["MultiTaskInferencer", "VideoReport", "list_images"]

Maps = dict[str, np.ndarray]


class MultiTaskInferencer:
    """Predicts every task of a trained network for images of any size, and for video.

    Its methods have the names and meanings of mmengine's ``BaseInferencer``: ``preprocess``, ``forward``,
    ``visualize``, ``postprocess``, and a call that does them all. Images are read and prepared in a thread while the
    network computes in another.

    Args:
        config: Config file, preset name or Config; its ``predict_pipeline`` (by default none) prepares the images.
        checkpoint: Trained weights; ``None``: start values.
        device: ``None``: a GPU where there is one and the backend is PyTorch's.
        cfg_options: Options to merge into the config.
        dataset: For a network whose heads tell datasets apart: whose classes and depths are wanted (``'nyud'``).
        backend: What computes the network: one of ``BACKENDS``, or the path of a file that ``tools/export.py`` wrote
            from this config (its weights are used, not the checkpoint's).
        tasks: Those to predict; ``None``: all. Others are not computed.
        precision: One that the backend knows: ``'float32'`` (the default), ``'bf16'`` ...; a file has its own.
        **options: Of the backend, see ``build_backend``.

    A call takes one image or several: path, uint8 array (H, W, 3) RGB, or uint8 tensor (3, H, W) RGB; a sequence of
    these; a folder, a glob or a video file. It gives one dict, or a list, of numpy maps at the image's own size:
    ``semseg`` (H, W) class ids, ``depth`` (H, W) metres, ``normals`` (3, H, W) unit vectors; a map of one channel is
    (H, W), others are (C, H, W).
    """

    def __init__(
        self,
        config: str | Path | Config,
        checkpoint: str | Path | None = None,
        device: str | torch.device | None = None,
        cfg_options: dict | None = None,
        dataset: str | None = None,
        backend: str | Path = "torch",
        tasks: Sequence[str] | None = None,
        precision: str | None = None,
        **options,
    ):
        from_file = Path(backend).suffix in SUFFIXES
        if device is None:
            graphs = from_file or issubclass(find_backend(str(backend)), GraphBackend)
            device = "cuda" if torch.cuda.is_available() and not graphs else "cpu"
        cfg = load_config(config, cfg_options)
        if from_file:
            drop_pretrained(cfg)
        model = init_model(cfg, None if from_file else checkpoint, device)
        self.dataset = _checked_dataset(model, dataset)
        network = InferenceNetwork(model, tasks)
        self.model = network.model
        self.pipeline = build_predict_pipeline(cfg)
        if from_file:
            self.backend = _checked_file(load_backend(backend, **options), network, tasks, self.dataset)
            if precision not in (None, self.backend.precision):
                raise ValueError(
                    f"{backend} was exported in {self.backend.precision}; given: precision={precision!r}. "
                    "Leave it out, or export the network in that precision (tools/export.py --precision)."
                )
        else:
            settings = dict(size=input_size(cfg), precision=precision or "float32", fixed_size=False) | options
            self.backend = build_backend(str(backend), network, **settings)
        self.tasks = tuple(task for task in self.backend.tasks if task in network.tasks)

    @property
    def dataset_meta(self) -> dict:
        """Classes and palette of what is predicted."""
        meta = self.model.dataset_meta
        return meta.get("datasets", {}).get(self.dataset, meta)

    def __call__(
        self,
        inputs,
        batch_size: int = 1,
        return_datasamples: bool = False,
        show: bool = False,
        out_dir: str | Path | None = None,
        show_progress: bool = True,
    ) -> Maps | list[Maps] | BaseDataElement | list[BaseDataElement]:
        """The predictions of one image, or a list of those of several.

        Args:
            inputs: See above.
            return_datasamples: Samples with ``.pred`` in place of dicts.
            show: Whether each panel is shown in a window.
            out_dir: Where panels are written to.
            show_progress: Whether a bar tells how far it is, where there are several images.
        """
        single, inputs, number = _listed(inputs)
        writer = None if out_dir is None else PredictionWriter(out_dir, self.dataset_meta)
        answers = []
        with progress_bar("predicting", number, show=show_progress and not single) as advance:
            for image, sample in self.stream(inputs, batch_size):
                self.visualize(image, sample, show, writer)
                answers.append(self.postprocess(sample, return_datasamples))
                advance()
        return answers[0] if single else answers

    def stream(
        self, inputs, batch_size: int = 1, on_error: Callable[[Exception], None] | None = None
    ) -> Iterator[tuple[Tensor, BaseDataElement]]:
        """Yields ``(image, data_sample)``: the uint8 image (3, H, W) as it was read, the sample with ``.pred``.

        Args:
            inputs: As for a call; or any iterable of images, or the number of a camera: it may be endless.
            on_error: Is given the error of an image that can't be read, which is then left out; ``None``: it is raised.
        """
        _, inputs, _ = _listed(inputs, camera=True)
        results = overlap(
            self.preprocess(inputs, batch_size, on_error), lambda batch: (batch["images"], self.forward(batch))
        )
        with closing(results):
            for images, samples in results:
                yield from zip(images, samples, strict=True)

    def preprocess(
        self, inputs: Iterable, batch_size: int = 1, on_error: Callable[[Exception], None] | None = None
    ) -> Iterator[dict]:
        """Yields batches, ``dict(images=[as read], inputs=[for the network], data_samples=[...])``, of images."""
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size}: at least 1.")
        images = self._read(inputs, on_error)
        while batch := list(islice(images, batch_size)):
            packed = [
                self.pipeline({"img": image, "meta": {"img_path": path, "dataset": self.dataset}})
                for image, path in batch
            ]
            yield dict(
                images=[image for image, _ in batch],
                inputs=[sample["inputs"] for sample in packed],
                data_samples=[sample["data_samples"] for sample in packed],
            )

    @staticmethod
    def _read(inputs, on_error):
        for source in inputs:
            try:
                image = read_source(source)
            except (ValueError, OSError) as error:
                if on_error is None:
                    raise
                on_error(error)
            else:
                yield image

    @torch.inference_mode()
    def forward(self, batch: dict) -> list[BaseDataElement]:
        """The batch's samples, each with ``.pred``: maps at the image's own size, resized on the device."""
        if self.backend.signature.whole:
            for image, sample in zip(batch["inputs"], batch["data_samples"], strict=True):
                self.model.predict(image[None], [sample], self._whole_maps)
            return batch["data_samples"]
        prepared = self.model.data_preprocessor({key: batch[key] for key in ("inputs", "data_samples")})
        return self.model.predict(prepared["inputs"], prepared["data_samples"], self._maps)

    def _maps(self, images, size, dataset):
        outputs = self.backend(images)
        heads = {task: self.model.heads[task] for task in self.tasks}
        return {task: head.predict(select_outputs(head, outputs[task], dataset), size) for task, head in heads.items()}

    def _whole_maps(self, images, size, dataset):
        """Maps of a file that gives them itself, at the size of its input."""
        maps = self.backend(images)
        return {task: _resized(self.model.heads[task], maps[task], size) for task in self.tasks}

    def visualize(
        self, image: Tensor, sample: BaseDataElement, show: bool = False, writer: PredictionWriter | None = None
    ) -> None:
        """Show one image's panel in a window, and have it written."""
        if show:
            visualizer = MultiTaskVisualizer()
            visualizer.dataset_meta = self.dataset_meta
            visualizer.show(visualizer.draw(image, sample), win_name=sample.get("img_path", ""))
        if writer is not None:
            writer.write(image, sample)

    def postprocess(self, sample: BaseDataElement, return_datasamples: bool = False) -> Maps | BaseDataElement:
        """One sample's predictions, as a user gets them."""
        return sample if return_datasamples else to_numpy(sample, self.tasks)

    def video(
        self,
        source: str | Path | int,
        out: str | Path,
        batch_size: int = 1,
        limit: int | None = None,
        opacity: float = 0.5,
        show_progress: bool = True,
    ) -> "VideoReport":
        """Write a video whose frames carry their predictions: classes over the frame, other tasks beside it.

        Reading, computing, painting and writing overlap. A camera is filmed until Ctrl-C.

        Args:
            source: A video file, the number of a camera, or a stream's address.
            out: The video, ``.mp4``, ``.mkv`` or ``.avi``.
            batch_size: Frames that are computed together; 1 answers a camera soonest.
            limit: Frames to end after.
            opacity: Of the class colours, 0 ... 1.

        Raises:
            FileNotFoundError, ValueError: no such video, an empty one, one that is cut off or damaged, a camera that is
                gone: the frames until then are in ``out``, which plays.
            OSError: ``out`` can't be written, or the disk is full.
        """
        if not isinstance(source, int) and Path(source).exists() and Path(out).exists() and Path(out).samefile(source):
            raise ValueError(f"{out} is the video that is read: write to another folder.")
        reader, painter = VideoReader(source), OverlayPainter(self.dataset_meta, opacity)
        number = limit if reader.frames is None else min(reader.frames, limit or reader.frames)
        begin, stages = time.perf_counter(), []

        def paint(batch_and_samples):
            batch, samples = batch_and_samples
            return [
                painter.draw(image.permute(1, 2, 0).numpy(), to_numpy(sample, self.tasks))
                for image, sample in zip(batch["images"], samples, strict=True)
            ]

        def write(pictures):
            for picture in pictures:
                writer.write(picture)
            return len(pictures)

        with VideoWriter(out, reader.fps) as writer, progress_bar("video", number, "frames", show_progress) as advance:
            batches = self.preprocess(islice(reader, limit), batch_size)
            steps = (lambda batch: (batch, self.forward(batch)), paint, write)
            try:
                with closing(overlap(batches, *steps, seconds=stages)) as results:
                    for done in results:
                        advance(done)
            except KeyboardInterrupt:
                if not reader.camera:
                    raise
            except ValueError as error:
                raise ValueError(f"{error} {_kept(writer)}") from error
        names = ("read", "network", "paint", "write")
        return VideoReport(Path(out), writer.frames, time.perf_counter() - begin, dict(zip(names, stages, strict=True)))


@dataclass(frozen=True)
class VideoReport:
    """What a video took: ``stages`` are the seconds in which each worked, all at the same time."""

    path: Path
    frames: int
    seconds: float
    stages: dict[str, float]

    def __str__(self):
        told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.stages.items())
        slowest = max(self.stages, key=self.stages.get)
        return (
            f"{self.path}: {self.frames} frames in {self.seconds:.1f} s, {self.frames / self.seconds:.1f} a second "
            f"(seconds of work: {told}; the slowest is {slowest})"
        )


def _listed(inputs, camera=False):
    """``(whether it is a single image, images, their number or None)``."""
    if isinstance(inputs, str | Path) and is_video(inputs) or camera and isinstance(inputs, int):
        reader = VideoReader(inputs)
        if not camera and reader.frames is None:
            raise ValueError(f"{reader.name} does not end: take stream({inputs!r}) or video({inputs!r}, 'out.mp4').")
        return False, reader, reader.frames
    if is_many(inputs):
        files = list_images([inputs])
        return False, files, len(files)
    if isinstance(inputs, str | Path | np.ndarray | Tensor) or not isinstance(inputs, Iterable):
        return True, [inputs], 1
    return False, inputs, len(inputs) if isinstance(inputs, Sequence) else None


def _checked_dataset(model, dataset):
    known = sorted(model.datasets)
    if known and dataset not in known:
        given = "none is given" if dataset is None else f"there is no {dataset!r}"
        raise ValueError(
            f"this network predicts the classes and depths of one dataset at a time, and {given}: choose one of "
            f"{', '.join(known)} with dataset=NAME (predict.py: --dataset NAME)."
        )
    return dataset


def _checked_file(backend: Backend, network, tasks, dataset):
    signature = backend.signature
    check_same_network(signature, network.model)
    missing = [task for task in (tasks or signature.tasks) if task not in signature.tasks or task not in network.tasks]
    if missing:
        raise ValueError(
            f"the exported file answers {', '.join(signature.tasks)}, and the config {', '.join(network.tasks)}: not "
            f"both have {', '.join(missing)}. Take the config that it was exported with, or other tasks."
        )
    if signature.whole and signature.dataset != dataset:
        raise ValueError(f"the exported file answers for the dataset {signature.dataset}; asked for: {dataset}.")
    return backend


def _resized(head, maps, size):
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    if maps.is_floating_point():
        return head.answer(head.resize(maps, size, "bilinear"))
    return F.interpolate(maps, size, mode="nearest-exact")  # class ids: between two there is no third


def _kept(writer):
    return f"The first {writer.frames} frames are in {writer.path}." if writer.frames else "No video was written."
