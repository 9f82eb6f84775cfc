"""Predictions as numpy arrays and as files."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement
from torch.utils._pytree import tree_map

from mtl_plugins.structures import named_leaves
from mtl_plugins.visualization import MultiTaskVisualizer, write_picture

from .map_files import MAX_PNG_DEPTH, is_clipped, write_map


def to_numpy(sample: BaseDataElement, tasks: Sequence[str] | None = None) -> dict[str, Any]:
    """The predictions of a sample as numpy arrays by task.

    Args:
        sample: A sample with `.pred`.
        tasks: Names of the tasks, in order; by default all, in the order of the sample.

    Returns:
        Maps (H, W) if they have one channel, else (C, H, W); vectors (K,); or trees of arrays.
    """
    return {task: tree_map(_to_array, sample.pred.get(task)) for task in tasks or sample.pred.keys()}


def _to_array(tensor: torch.Tensor) -> np.ndarray:
    array = tensor.cpu().numpy()
    return array[0] if array.ndim == 3 and len(array) == 1 else array


class PredictionWriter:
    """Writes predictions to a folder: `panels/<image>.png`, and `<task>/<image>.png` or `.npy`.

    Args:
        out: The folder; it is created.
        meta: The dataset's METAINFO.
        panels: Whether to write panels.
        maps: `'png'` or `'npy'`, see `write_map`; `None` to write no maps.

    Raises:
        OSError: The folder cannot be created.
    """

    def __init__(self, out: str | Path, meta: Mapping[str, Any], panels: bool = True, maps: str | None = None):
        self.out, self.maps = Path(out), maps
        self._names: Counter[str] = Counter()
        self._kinds = meta.get("kinds")
        self._warned = False
        self._visualizer = MultiTaskVisualizer() if panels else None
        if self._visualizer is not None:
            self._visualizer.dataset_meta = dict(meta)
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                f"{out} cannot be created: {error.strerror}. Give a folder in which you may create files."
            ) from error

    def write(self, image: torch.Tensor, sample: BaseDataElement) -> str:
        """Write the predictions of one image.

        Args:
            image: uint8 (3, H, W).
            sample: Its sample, with `pred`.

        Returns:
            The name of its files, without ending.
        """
        stem = self._stem(sample)
        if self._visualizer is not None:
            write_picture(self._visualizer.draw(image, sample), self.out / "panels" / f"{stem}.png")
        if self.maps:
            for task, prediction in to_numpy(sample).items():
                for name, values in named_leaves(prediction, task).items():
                    self._warn_if_clipped(name, values, stem)
                    write_map(name, values, self.out, stem, self.maps, self._kinds)
        return stem

    def _warn_if_clipped(self, task: str, values: np.ndarray, stem: str) -> None:
        """Warn once about depth that a PNG cannot hold."""
        if self.maps == "png" and not self._warned and is_clipped(task, values, self._kinds):
            self._warned = True
            print_log(
                f"{stem}: the predicted {task} reaches {np.nanmax(values):.1f} m, but its PNG files hold millimetres "
                f"up to {MAX_PNG_DEPTH} m; larger values are clipped. NPY files (--maps npy) hold all values. "
                "Further images are not reported.",
                "current",
                logging.WARNING,
            )

    def _stem(self, sample: BaseDataElement) -> str:
        """The image's name, with a number if another image, or another array, has the same name."""
        stem = Path(sample.get("img_path") or "image").stem
        self._names[stem] += 1
        return stem if self._names[stem] == 1 else f"{stem}_{self._names[stem]}"
