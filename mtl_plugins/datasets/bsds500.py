from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtl_plugins.files import read_mat
from mtl_plugins.registry import DATASETS
from mtl_plugins.structures import DenseMap, EdgeMap

from .data_error import DataError
from .multi_task_dataset import LabelConfig, MultiTaskDataset
from .sample_files import SampleFiles

IMAGE_FOLDER, LABEL_FOLDER = "images", "groundTruth"
ANNOTATORS = ("any", "consensus", "all")


def read_bsds(path: str | Path, annotators: str = "any") -> DenseMap:
    """Read the boundaries of all annotators, 1 for an edge and 0 for none.

    Args:
        path: A MATLAB file with the cell `groundTruth`; each element has the field `Boundaries`.
        annotators: How to merge them; see `BSDS500`.

    Returns:
        float32 (1, H, W), or (A, H, W) with `annotators='all'`.

    Raises:
        DataError: The file is damaged or contains something else.
    """
    cell = read_mat(path, ["groundTruth"]).get("groundTruth")
    try:
        maps = np.stack([element[0]["Boundaries"] for element in cell or ()]).astype(np.float32)
        shape_is_right = maps.ndim == 3 and maps.size > 0
    except (TypeError, KeyError, IndexError, ValueError):
        shape_is_right = False
    if not shape_is_right:
        raise DataError(f"{path} has no cell groundTruth with Boundaries of one size. Is it a file of another dataset?")
    share = torch.from_numpy((maps > 0).astype(np.float32))
    if annotators == "all":
        return DenseMap(share)
    share = share.mean(0, keepdim=True)
    if annotators == "any":
        return EdgeMap((share > 0).float())
    return EdgeMap(torch.where((share == 0) | (share >= 0.5), (share > 0).float(), torch.nan))


@DATASETS.register_module()
class BSDS500(MultiTaskDataset):
    """BSDS500 (Arbeláez et al., PAMI 2011) in its official folders: edges by several annotators.

    Images are `images/<split>/*.jpg`, annotations `groundTruth/<split>/<same name>.mat`. The only label is `edge`.

    Args:
        data_root: The folder that contains `images` and `groundTruth` (`BSDS500/data` of the archive).
        split: `'train'` (200 images), `'val'` (100) or `'test'` (200).
        annotators: How the boundaries of the annotators are merged. `'any'`: an edge of any annotator is one.
            `'consensus'`: pixels that less than half of the annotators marked are void, as in RCF (Liu et al., CVPR
            2017). `'all'`: one channel per annotator, for `EdgeMetric`. None: `'any'` for `'train'`, otherwise `'all'`.
        **kwargs: See `MultiTaskDataset`.

    Raises:
        ValueError: `annotators` is unknown.
    """

    HOW_TO_PREPARE = (
        "Prepare it by downloading BSR_bsds500.tgz from Berkeley's page; {data_root} is its folder BSDS500/data, which "
        "contains images and groundTruth."
    )

    def __init__(self, data_root: str | Path, split: str = "train", annotators: str | None = None, **kwargs: Any):
        if annotators not in (None, *ANNOTATORS):
            raise ValueError(f"BSDS500: annotators={annotators!r} is unknown: use {', '.join(ANNOTATORS)} or None.")
        self.annotators = annotators or ("any" if split == "train" else "all")
        super().__init__(data_root, split, **kwargs)

    def default_labels(self) -> dict[str, LabelConfig]:
        return dict(edge=dict(reader=read_bsds, annotators=self.annotators))

    def list_samples(self) -> list[SampleFiles]:
        folder, annotations = self._source(), self.data_root / LABEL_FOLDER / self.split
        if not folder.is_dir():
            raise FileNotFoundError(f"{self._name()}: the folder {folder} does not exist. {self._how_to_get()}")
        names = {path.stem: path for path in annotations.glob("*.mat")} if annotations.is_dir() else {}
        images = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".png"))
        return [
            SampleFiles(image, {t: names[image.stem] for t in self.labels if image.stem in names}) for image in images
        ]

    def _source(self) -> Path:
        return self.data_root / IMAGE_FOLDER / self.split
