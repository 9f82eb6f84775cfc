import importlib.util
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import master_only
from mmengine.visualization import LocalVisBackend, TensorboardVisBackend, Visualizer
from PIL import Image

from mtl_plugins.registry import VISUALIZERS

from .panel import draw_panel


@VISUALIZERS.register_module()
class MultiTaskVisualizer(Visualizer):
    """mmengine's ``Visualizer`` whose data samples are painted as one panel of every task.

    Args are those of mmengine's ``Visualizer`` (``vis_backends``, ``save_dir`` …). The colours and names of
    the classes come from ``dataset_meta``, which the Runner sets.

    Raises:
        ImportError: TensorBoard is among the backends and is not installed.
    """

    def __init__(self, name="visualizer", **kwargs):
        super().__init__(name=name, **kwargs)
        wants_tensorboard = any(isinstance(b, TensorboardVisBackend) for b in self._vis_backends.values())
        if wants_tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise ImportError(
                "visualizer.vis_backends asks for TensorboardVisBackend, but TensorBoard is not installed: "
                "run `pip install tensorboard`, or take that backend out of the config"
            )

    @property
    def dataset_meta(self):
        """METAINFO of the dataset; on every rank, since each rank paints its own share of a test."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta):
        self._dataset_meta = dataset_meta

    def draw(self, image, data_sample=None, draw_gt=True, draw_pred=True, title=""):
        """The panel of one sample, uint8 (H', W', 3) RGB.

        Args:
            image: uint8, (H, W, 3) array or (3, H, W) tensor, RGB.
            data_sample: ``BaseDataElement`` with ``gt`` and ``pred``, each a ``PixelData`` or absent.
        """
        gt = _maps(data_sample, "gt") if draw_gt else {}
        pred = _maps(data_sample, "pred") if draw_pred else {}
        return draw_panel(_as_picture(image), gt, pred, self._meta_of(data_sample), title)

    def _meta_of(self, data_sample):
        """The metainfo of the sample's own dataset, where there are several."""
        meta = self.dataset_meta or {}
        name = data_sample.get("dataset") if data_sample is not None else None
        return meta.get("datasets", {}).get(name, meta)

    @master_only
    def add_datasample(
        self,
        name,
        image,
        data_sample=None,
        draw_gt=True,
        draw_pred=True,
        show=False,
        wait_time=0,
        out_file=None,
        step=0,
    ):
        """Paint one sample and show it, write it to ``out_file``, or hand it to the backends.

        ``image`` and ``data_sample`` as in ``draw``; ``show`` opens a window for ``wait_time`` seconds (0:
        until a key). With ``out_file`` the panel is written there and not given to the backends.
        """
        panel = self.draw(image, data_sample, draw_gt, draw_pred, title=name)
        if show:
            self.show(panel, win_name=name, wait_time=wait_time)
        if out_file is not None:
            write_picture(panel, out_file)
        else:
            self.add_image(name, panel, step)

    @master_only
    def add_image_to_trackers(self, name, picture, step=0):
        """``add_image`` for the backends that are no plain folder (TensorBoard and its like)."""
        for backend in self._vis_backends.values():
            if not isinstance(backend, LocalVisBackend):
                backend.add_image(name, picture, step)


def write_picture(picture, path):
    """uint8 RGB (H, W, 3) to an image file; its folder is made."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def _maps(data_sample, name):
    fields = data_sample.get(name) if data_sample is not None else None
    return {task: _to_numpy(values) for task, values in fields.items()} if fields is not None else {}


def _to_numpy(values):
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    return np.asarray(values)


def _as_picture(image):
    if isinstance(image, torch.Tensor):
        if image.ndim != 3 or image.shape[0] != 3:
            raise ValueError(f"an image tensor must be (3, H, W), but its shape is {tuple(image.shape)}")
        image = image.permute(1, 2, 0)
    return _to_numpy(image)
