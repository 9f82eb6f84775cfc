from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torchvision import tv_tensors

from mtl_plugins.functional.edges import class_edges, depth_edges, merge_edges, thin
from mtl_plugins.label_spaces import VOID
from mtl_plugins.registry import TRANSFORMS
from mtl_plugins.structures import DepthMap, EdgeMap

from ..sample_files import Sample


@TRANSFORMS.register_module()
class EdgesFromLabels:
    """Add an edge label that is made from other labels of the sample; see docs/edges.md.

    Place it after the geometric transforms. A sample without any of the sources gets no edge label.

    Args:
        source: Names of tasks: masks of classes or instances, or depth maps. Several give the union of their edges.
        task: Name of the new label.
        depth_ratio: Two neighbours of a depth map form an edge if one depth is at least this many times the other.
        thinned: Whether the edges are thinned to lines of one pixel.

    Raises:
        ValueError: No source is given, or `depth_ratio` is not above 1.
        TypeError: A source is neither a mask nor a depth map.
    """

    def __init__(
        self,
        source: str | Sequence[str] = "semseg",
        task: str = "edge",
        depth_ratio: float = 1.1,
        thinned: bool = True,
    ):
        self.sources = (source,) if isinstance(source, str) else tuple(source)
        if not self.sources or depth_ratio <= 1:
            raise ValueError(
                "EdgesFromLabels needs at least one source and a depth_ratio above 1, but got "
                f"source={source!r}, {depth_ratio=}."
            )
        self.task, self.depth_ratio, self.thinned = task, depth_ratio, thinned

    def __call__(self, sample: Sample) -> Sample:
        maps = [self._edges(source, sample[source]) for source in self.sources if source in sample]
        if not maps:
            return sample
        edges = merge_edges(maps)
        if self.thinned:
            edges[edges == 1] = thin(edges == 1)[edges == 1]
        return {**sample, self.task: EdgeMap(torch.from_numpy(edges)[None])}

    def _edges(self, source: str, label: Any) -> np.ndarray:
        values = torch.as_tensor(label).as_subclass(torch.Tensor).numpy()
        if isinstance(label, DepthMap):
            return depth_edges(values[0], self.depth_ratio)
        if isinstance(label, tv_tensors.Mask):
            return class_edges(values[0], VOID if values.dtype == np.uint8 else None)
        raise TypeError(
            f"EdgesFromLabels: the source {source!r} is a {type(label).__name__}, but edges are made from masks of "
            "classes or instances and from depth maps."
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(source={self.sources}, task={self.task!r})"
