from pathlib import Path

import torch
from torch import Tensor

from mtl_plugins.structures import EdgeMap

from ..data_error import DataError
from .dense_map import read_map


def read_edges(path: str | Path, threshold: float | None = None) -> EdgeMap:
    """Read binary edges, float32 (1, H, W): 1 for an edge, 0 for none.

    In an image file, edges have the largest value (255 with 8 bits). An NPY file holds 0 and 1, and NaN for no label.

    Args:
        path: The file.
        threshold: Soft values from 0 to 1 above it are edges. None: the file must be binary.

    Raises:
        DataError: The file has other values, such as soft edges, or several channels.
    """
    edges = read_map(path).as_subclass(Tensor)
    if len(edges) != 1:
        raise DataError(f"{path}: edges have one channel, but the file has {len(edges)}. Store them as a grey image.")
    if threshold is not None:
        edges = torch.where(edges.isnan(), edges, (edges > threshold).to(edges))
    wrong = edges[~((edges == 0) | (edges == 1) | edges.isnan())]
    if wrong.numel():
        raise DataError(
            f"{path}: edges are 0 or 1 (in an image file, 0 or the largest value), but {wrong.numel()} pixels have "
            f"other values, such as {wrong[0].item():.3g} of 1. If the edges are soft, set threshold=0.5 for the label."
        )
    return EdgeMap(edges)
