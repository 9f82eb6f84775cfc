from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from torch.utils._pytree import tree_map

from mtl_plugins.visualization import MultiTaskVisualizer
from mtl_plugins.visualization.visualizer import write_picture

from .map_files import write_map


def to_numpy(sample: BaseDataElement, tasks: Sequence[str] | None = None) -> dict[str, Any]:
    """The predictions of a sample as numpy arrays by task.

    Args:
        sample: A sample with `.pred`.
        tasks: Names of the tasks, in order; by default all in alphabetical order.

    Returns:
        Maps (H, W) if they have one channel, else (C, H, W); vectors (K,); or trees of arrays.
    """
    return {task: tree_map(_to_array, sample.pred.get(task)) for task in tasks or sorted(sample.pred.keys())}


def _to_array(tensor: torch.Tensor) -> np.ndarray:
    array = tensor.cpu().numpy()
    return array[0] if array.ndim == 3 and len(array) == 1 else array


class PredictionWriter:
    """Writes predictions into a folder: ``panels/<image>.png``, and ``<task>/<image>.{png,npy}``.

    Args:
        out: The folder; it is made.
        meta: The dataset's METAINFO.
        panels: Whether panels are painted.
        maps: ``'png'`` or ``'npy'``, see ``write_map``; ``None``: no maps.

    Raises:
        OSError: the folder can't be made.
    """

    def __init__(self, out: str | Path, meta: dict, panels: bool = True, maps: str | None = None):
        self.out, self.maps = Path(out), maps
        self._names: Counter[str] = Counter()
        self._visualizer = MultiTaskVisualizer() if panels else None
        if self._visualizer is not None:
            self._visualizer.dataset_meta = meta
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"{out} can't be made: {error.strerror}. Give a folder that you may write to.") from error

    def write(self, image: torch.Tensor, sample: BaseDataElement) -> str:
        """Write those of one image (3, H, W); returns the name of its files."""
        stem = self._stem(sample)
        if self._visualizer is not None:
            write_picture(self._visualizer.draw(image, sample), self.out / "panels" / f"{stem}.png")
        if self.maps:
            for task, values in to_numpy(sample).items():
                write_map(task, values, self.out, stem, self.maps)
        return stem

    def _stem(self, sample):
        """The image's name; images of one name in different folders are numbered, and so are arrays."""
        stem = Path(sample.get("img_path") or "image").stem
        self._names[stem] += 1
        return stem if self._names[stem] == 1 else f"{stem}_{self._names[stem]}"
