import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import master_only
from mmengine.structures import BaseDataElement
from mmengine.visualization import LocalVisBackend, TensorboardVisBackend, Visualizer
from PIL import Image
from torch import Tensor
from torch.utils._pytree import tree_map

from mtl_plugins.files import write_file, write_text
from mtl_plugins.kinds import meta_of_dataset
from mtl_plugins.registry import VISUALIZERS

from .panel import draw_panel
from .task_painters import TASK_PAINTERS


@VISUALIZERS.register_module()
class MultiTaskVisualizer(Visualizer):
    """mmengine's `Visualizer`, which paints a data sample as one panel of all tasks.

    Names and colours of the classes come from `dataset_meta`, which the Runner sets.

    Args:
        name: Name of the visualizer.
        **kwargs: Options of mmengine's `Visualizer`, such as `vis_backends` and `save_dir`.

    Raises:
        ImportError: TensorBoard is one of the backends and is not installed.
    """

    def __init__(self, name: str = "visualizer", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        wants_tensorboard = any(isinstance(b, TensorboardVisBackend) for b in self._vis_backends.values())
        if wants_tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise ImportError(
                "visualizer.vis_backends contains TensorboardVisBackend, but TensorBoard is not installed. Run "
                "`pip install tensorboard`, or remove the backend from the config."
            )

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """METAINFO of the dataset; set in all processes, because each paints its share of a test."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict[str, Any] | None) -> None:
        self._dataset_meta = dataset_meta

    def draw(
        self,
        image: np.ndarray | Tensor,
        data_sample: BaseDataElement | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        title: str = "",
        tasks: Sequence[str] = (),
    ) -> np.ndarray:
        """Paint the panel of one sample.

        Args:
            image: uint8 RGB, an array (H, W, 3) or a tensor (3, H, W).
            data_sample: The sample, with `gt` and `pred`; each may be missing.
            draw_gt: Whether to show the ground truth.
            draw_pred: Whether to show the prediction.
            title: A line above the panel.
            tasks: Tasks that are shown even if the sample has no map of them.

        Returns:
            uint8 (H', W', 3), RGB.
        """
        gt = _maps(data_sample, "gt") if draw_gt else {}
        pred = _maps(data_sample, "pred") if draw_pred else {}
        return draw_panel(_as_picture(image), gt, pred, self._meta_of(data_sample), title, tasks)

    def _meta_of(self, data_sample: BaseDataElement | None) -> Mapping[str, Any]:
        """METAINFO of the sample's dataset, if there are several; the `kinds` are those of the model."""
        meta = self.dataset_meta or {}
        name = data_sample.get("dataset") if data_sample is not None else None
        found = meta_of_dataset(meta, name)
        return found | {"kinds": meta["kinds"]} if "kinds" in meta else found

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray | Tensor,
        data_sample: BaseDataElement | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | Path | None = None,
        step: int = 0,
    ) -> None:
        """Paint one sample and show it, write it to a file, or pass it to the backends.

        Args:
            name: Name of the picture, which is also its title.
            image: See `draw`.
            data_sample: See `draw`.
            draw_gt: Whether to show the ground truth.
            draw_pred: Whether to show the prediction.
            show: Whether to open a window.
            wait_time: Seconds until the window closes; 0 waits for a key.
            out_file: The file to write; without it, the backends receive the picture.
            step: The step of the picture in the backends.
        """
        panel = self.draw(image, data_sample, draw_gt, draw_pred, title=name)
        if show:
            self.show(panel, win_name=name, wait_time=wait_time)
        if out_file is not None:
            write_picture(panel, out_file)
        else:
            self.add_image(name, panel, step)

    @master_only
    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Pass the config to the backends; `LocalVisBackend` writes it atomically."""
        for backend in self._vis_backends.values():
            if isinstance(backend, LocalVisBackend):
                write_text(backend.experiment._config_save_file, config.pretty_text)
            else:
                backend.add_config(config, **kwargs)

    @master_only
    def add_image(self, name: str, image: np.ndarray, step: int = 0) -> None:
        """Pass a picture, uint8 RGB (H, W, 3), to the backends; `LocalVisBackend` writes it atomically."""
        for backend in self._vis_backends.values():
            if isinstance(backend, LocalVisBackend):
                write_picture(image, Path(backend.experiment._img_save_dir) / f"{name}_{step}.png")
            else:
                backend.add_image(name, image, step)

    @master_only
    def add_image_to_trackers(self, name: str, picture: np.ndarray, step: int = 0) -> None:
        """Pass a picture to the backends that are not a plain folder, such as TensorBoard."""
        for backend in self._vis_backends.values():
            if not isinstance(backend, LocalVisBackend):
                backend.add_image(name, picture, step)


def write_picture(picture: np.ndarray, path: str | Path) -> None:
    """Write a picture, uint8 RGB (H, W, 3), to an image file atomically; its folder is created.

    Raises:
        ValueError: The suffix is not that of an image format.
        OSError: The disk is full or the folder is not writable.
    """
    path = Path(path)
    formats = Image.registered_extensions()
    if path.suffix.lower() not in formats:
        raise ValueError(f"{path}: the suffix {path.suffix!r} is not that of an image format; use .png.")
    name = formats[path.suffix.lower()]
    write_file(path, lambda file: Image.fromarray(picture).save(file, name))


def _maps(data_sample: BaseDataElement | None, name: str) -> dict[str, Any]:
    """The maps as numpy arrays. Trees of maps are only drawn if their task has a registered painter."""
    fields = data_sample.get(name) if data_sample is not None else None
    if fields is None:
        return {}
    drawn = {
        task: values
        for task, values in fields.items()
        if isinstance(values, Tensor | np.ndarray) or task in TASK_PAINTERS
    }
    return {task: tree_map(_to_numpy, values) for task, values in drawn.items()}


def _to_numpy(values: Any) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    return np.asarray(values)


def _as_picture(image: np.ndarray | Tensor) -> np.ndarray:
    if isinstance(image, Tensor):
        if image.ndim != 3 or image.shape[0] != 3:
            raise ValueError(f"An image tensor must be (3, H, W), but its shape is {tuple(image.shape)}.")
        image = image.permute(1, 2, 0)
    return _to_numpy(image)
