import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement
from torch import Tensor

from mtl_plugins.backends import GraphBackend, build_backend, check_exported, load_backend
from mtl_plugins.backends.build import SUFFIXES, find_backend
from mtl_plugins.files import progress_bar
from mtl_plugins.functional.stretch import describe_stretch
from mtl_plugins.kinds import head_meta, kinds_of_heads, meta_of_dataset
from mtl_plugins.models import InferenceNetwork
from mtl_plugins.models.heads import head_method
from mtl_plugins.models.multi_task_model import select_outputs
from mtl_plugins.registry import INFERENCERS
from mtl_plugins.visualization import MultiTaskVisualizer

from .check_dataset import check_dataset
from .config import drop_pretrained, load_config
from .init_model import init_model
from .predict_pipeline import build_predict_pipeline, input_size, resizes_only
from .predict_video import VideoReport, predict_video
from .predictions import PredictionWriter, to_numpy
from .sources import is_many, is_video, list_images, read_source
from .stages import overlap
from .video import VideoReader

Maps = dict[str, Any]  # numpy arrays by task, or trees of arrays


@INFERENCERS.register_module()
class MultiTaskInferencer:
    """Predicts every task of a trained network for images of any size and for videos.

    The methods have the names and meanings of mmengine's `BaseInferencer`: `preprocess`, `forward`, `visualize`,
    `postprocess`, and a call that runs all of them. A thread reads and prepares images while another one computes the
    network.

    A call takes one image or several: a path, a uint8 RGB array (H, W, 3) or a uint8 RGB tensor (3, H, W); a sequence
    of these; a folder, a glob or a video file. It returns one dict or a list of dicts with a numpy array per task at
    the image's original size: `semseg` (H, W) class ids, `depth` (H, W) metres, `normals` (3, H, W) unit vectors. Other
    maps with one channel are (H, W), with several (C, H, W).

    Args:
        config: Config file, preset name or `Config`; or the name or the folder of a release, which has trained weights.
            Its `predict_pipeline`, if it has one, prepares the images.
        checkpoint: Trained weights; without them the network has its initial weights, and a warning is logged.
        device: Device of the network; by default a GPU if one is available and the backend is PyTorch's.
        cfg_options: Options to merge into the config.
        dataset: Dataset whose classes and depths are predicted (`'nyud'`), if the heads distinguish datasets.
        backend: One of `BACKENDS`, or the path of a file that `mtl export` wrote with this config. The file's
            weights are used instead of the checkpoint's.
        tasks: Tasks to predict; all by default. Other tasks are not computed.
        precision: One of the backend's precisions; `'float32'` by default. An exported file has a fixed precision.
        **options: Options of the backend (see `build_backend`).

    Raises:
        ValueError: Unknown dataset, task or backend, or a file that does not belong to the config.
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
        **options: Any,
    ):
        from_file = Path(backend).suffix in SUFFIXES
        if device is None:
            graphs = from_file or issubclass(find_backend(str(backend)), GraphBackend)
            device = "cuda" if torch.cuda.is_available() and not graphs else "cpu"
        cfg = load_config(config, cfg_options)
        if from_file:
            drop_pretrained(cfg)
        elif checkpoint is None and not cfg.model.get("init_cfg") and not cfg.get("release"):
            print_log(
                "The network has no checkpoint, so its heads have random weights and its predictions mean nothing. "
                "Pass the path of trained weights as checkpoint.",
                "current",
                logging.WARNING,
            )
        model = init_model(cfg, None if from_file else checkpoint, device)
        self.dataset = check_dataset(model, dataset, tasks)
        network = InferenceNetwork(model, tasks)
        self.model = network.model
        self.pipeline = build_predict_pipeline(cfg)
        self._may_stretch = resizes_only(cfg)
        if from_file:
            self.backend = load_backend(backend, **options)
            check_exported(self.backend.signature, network.model, tasks, self.dataset)
            if precision not in (None, self.backend.precision):
                raise ValueError(
                    f"{backend} was exported in {self.backend.precision}; given: precision={precision!r}. "
                    "Leave precision out, or export the network in that precision (mtl export --precision)."
                )
        else:
            settings: dict[str, Any] = dict(size=input_size(cfg), precision=precision or "float32", fixed_size=False)
            self.backend = build_backend(str(backend), network, **settings | options)
        self.tasks = tuple(task for task in self.backend.tasks if task in network.tasks)

    @property
    def dataset_meta(self) -> dict:
        """Classes and palette of the predicted dataset, and the kinds of the tasks."""
        heads = self.model.heads
        meta = meta_of_dataset(self.model.dataset_meta | head_meta(heads), self.dataset)
        return meta | {"kinds": kinds_of_heads(heads)}

    def __call__(
        self,
        inputs: Any,
        batch_size: int = 1,
        return_datasamples: bool = False,
        show: bool = False,
        out_dir: str | Path | None = None,
        show_progress: bool = True,
    ) -> Maps | list[Maps] | BaseDataElement | list[BaseDataElement]:
        """Predict one image or several.

        Args:
            inputs: One image or several, as described for the class.
            batch_size: Images per batch.
            return_datasamples: Whether to return samples with `.pred` instead of dicts.
            show: Whether to show the panel of each image in a window.
            out_dir: Folder for the panels; None to write none.
            show_progress: Whether to show a progress bar for several images.

        Returns:
            The prediction of a single image, or a list of those of several.
        """
        single, inputs, number = _listed(inputs)
        writer = None if out_dir is None else PredictionWriter(out_dir, self.dataset_meta)
        predictions: list = []
        with progress_bar("predicting", number, show=show_progress and not single) as advance:
            for image, sample in self.stream(inputs, batch_size):
                self.visualize(image, sample, show, writer)
                predictions.append(self.postprocess(sample, return_datasamples))
                advance()
        return predictions[0] if single else predictions

    def stream(
        self, inputs: Any, batch_size: int = 1, on_error: Callable[[Exception], None] | None = None
    ) -> Iterator[tuple[Tensor, BaseDataElement]]:
        """Predict images one after another, also from an endless source.

        Args:
            inputs: As for a call, or any iterable of images, or the number of a camera.
            batch_size: Images per batch.
            on_error: Called with the error of an image that cannot be read, which is then skipped. Without it, the
                error is raised.

        Yields:
            The uint8 image (3, H, W) as it was read, and its sample with `.pred`.
        """
        _, inputs, _ = _listed(inputs, camera=True)
        results = overlap(
            self.preprocess(inputs, batch_size, on_error), lambda batch: (batch["images"], self.forward(batch))
        )
        with closing(results):
            for images, samples in results:
                yield from zip(images, samples, strict=True)

    def _warn_if_stretched(self, batch: Sequence[tuple[Tensor, str]], packed: Sequence[dict]) -> None:
        """Warn once if the config's `predict_pipeline` changes the aspect ratio of an image."""
        if not self._may_stretch:
            return
        for (image, path), sample in zip(batch, packed, strict=True):
            stretch = describe_stretch(image.shape[-2:], sample["inputs"].shape[-2:])
            if stretch:
                self._may_stretch = False
                print_log(
                    f"{path or 'the image'}: {stretch}; the network may be less accurate. Crop the images to "
                    f"that aspect ratio, or set another size in predict_pipeline of the config (an exported file must "
                    f"support it: export without --fixed-size).",
                    "current",
                    logging.WARNING,
                )
                return

    def preprocess(
        self, inputs: Iterable, batch_size: int = 1, on_error: Callable[[Exception], None] | None = None
    ) -> Iterator[dict]:
        """Read images and prepare them for the network.

        Args:
            inputs: Images.
            batch_size: Images per batch.
            on_error: As for `stream`.

        Yields:
            Batches: dicts with the lists `images` (as read), `inputs` (for the network) and `data_samples`.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1.")
        images = self._read(inputs, on_error)
        while batch := list(islice(images, batch_size)):
            packed = [
                self.pipeline({"img": image, "meta": {"img_path": path, "dataset": self.dataset}})
                for image, path in batch
            ]
            self._warn_if_stretched(batch, packed)
            yield dict(
                images=[image for image, _ in batch],
                inputs=[sample["inputs"] for sample in packed],
                data_samples=[sample["data_samples"] for sample in packed],
            )

    def _read(self, inputs, on_error):
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
        """The samples of a batch with `.pred`: predictions at the image's original size, resized on the device."""
        if self.backend.signature.end_to_end:
            for image, sample in zip(batch["inputs"], batch["data_samples"], strict=True):
                self.model.predict(image[None], [sample], self._resize_predictions)
            return batch["data_samples"]
        prepared = self.model.data_preprocessor({key: batch[key] for key in ("inputs", "data_samples")})
        return self.model.predict(prepared["inputs"], prepared["data_samples"], self._predict)

    def _predict(self, images, size, dataset):
        outputs = self.backend(images)
        heads = {task: self.model.heads[task] for task in self.tasks}
        return {task: head.predict(select_outputs(head, outputs[task], dataset), size) for task, head in heads.items()}

    def _resize_predictions(self, images, size, dataset):
        """Predictions of an end-to-end file, which have the size of its input."""
        predictions, before = self.backend(images), tuple(images.shape[-2:])
        return {
            task: head_method(self.model.heads[task], "resize_prediction")(predictions[task], before, size)
            for task in self.tasks
        }

    def visualize(
        self, image: Tensor, sample: BaseDataElement, show: bool = False, writer: PredictionWriter | None = None
    ) -> None:
        """Show the panel of an image in a window, or write it.

        Args:
            image: uint8 image (3, H, W).
            sample: Its sample with `.pred`.
            show: Whether to open a window.
            writer: Writes the panel; None to write none.
        """
        if show:
            visualizer = MultiTaskVisualizer()
            visualizer.dataset_meta = self.dataset_meta
            visualizer.show(visualizer.draw(image, sample), win_name=sample.get("img_path", ""))
        if writer is not None:
            writer.write(image, sample)

    def postprocess(self, sample: BaseDataElement, return_datasamples: bool = False) -> Maps | BaseDataElement:
        """The predictions of a sample as numpy arrays by task, or the sample itself."""
        return sample if return_datasamples else to_numpy(sample, self.tasks)

    def video(
        self,
        source: str | Path | int,
        out: str | Path,
        batch_size: int = 1,
        limit: int | None = None,
        opacity: float = 0.5,
        show_progress: bool = True,
    ) -> VideoReport:
        """Write a video whose frames show their predictions: classes over the frame, other tasks next to it.

        Reading, computing, painting and writing run concurrently. A camera is recorded until Ctrl-C.

        Args:
            source: A video file, the number of a camera, or the address of a stream.
            out: The video to write: `.mp4`, `.mkv` or `.avi`.
            batch_size: Frames per batch. A batch size of 1 has the shortest delay for a camera.
            limit: Maximum number of frames.
            opacity: Opacity of the class colours in 0 ... 1.
            show_progress: Whether to show a progress bar.

        Raises:
            FileNotFoundError: The video does not exist.
            ValueError: The video is empty, damaged or incomplete, or the camera disconnected. `out` contains the frames
                before that and can be played.
            OSError: `out` cannot be written, or the disk is full.
        """
        return predict_video(self, source, out, batch_size, limit, opacity, show_progress)


def _listed(inputs: Any, camera: bool = False) -> tuple[bool, Iterable, int | None]:
    """Whether `inputs` is a single image, all images, and their number if it is known."""
    if isinstance(inputs, str | Path) and is_video(inputs) or camera and isinstance(inputs, int):
        reader = VideoReader(inputs)
        if not camera and reader.frames is None:
            raise ValueError(f"{reader.name} is endless: use stream({inputs!r}) or video({inputs!r}, 'out.mp4').")
        return False, reader, reader.frames
    if is_many(inputs):
        files = list_images([inputs])
        return False, files, len(files)
    if isinstance(inputs, str | Path | np.ndarray | Tensor) or not isinstance(inputs, Iterable):
        return True, [inputs], 1
    return False, inputs, len(inputs) if isinstance(inputs, Sequence) else None
