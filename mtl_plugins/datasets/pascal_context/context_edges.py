from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import convolve

from mtl_plugins.files import read_mat
from mtl_plugins.functional.edges import label_boundaries, thin
from mtl_plugins.structures import EdgeMap

from ..data_error import DataError

#: Rules that turn a label map into edges
EDGE_RULES = ("laplacian", "seg2bmap")
_LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])


def read_context_edges(path: str | Path, rule: str = "laplacian") -> EdgeMap:
    """Make edges of the semantic regions of PASCAL-Context (459 classes), float32 (1, H, W).

    Args:
        path: A MATLAB file with the variable `LabelMap`.
        rule: `'laplacian'`: pixels where the Laplacian of the label map is not 0, thinned; the papers train with this
            label. `'seg2bmap'`: the thinned `label_boundaries`, with which SEISM evaluates. They differ by up to one
            pixel.

    Raises:
        DataError: The file is damaged or has no label map.
    """
    labels = read_mat(path, ["LabelMap"]).get("LabelMap")
    if not isinstance(labels, np.ndarray) or labels.ndim != 2 or not labels.size:
        raise DataError(f"{path} has no label map (LabelMap). Is it a file of pascal-context/trainval?")
    if rule == "seg2bmap":
        edges = label_boundaries(labels)
    else:
        edges = convolve(labels.astype(np.float64), _LAPLACIAN, mode="mirror") != 0
    return EdgeMap(torch.from_numpy(thin(edges).astype(np.float32))[None])
