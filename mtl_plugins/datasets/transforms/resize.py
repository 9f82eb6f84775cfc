from typing import Any

import torch
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from mtl_plugins.functional.resize_sparse import resize_sparse
from mtl_plugins.registry import TRANSFORMS
from mtl_plugins.structures import DepthMap

from ..sample_files import Sample


@TRANSFORMS.register_module()
class Resize(v2.Resize):
    """torchvision's `Resize` for image and labels together; depth keeps its metres.

    Masks use the exact nearest-neighbour rule, as all maps do, so that they stay aligned with the image. torchvision's
    own rule for masks is off by up to half a pixel.

    Args:
        *args: As for torchvision's `Resize`.
        sparse: Whether depth has a reading only in few pixels, as from a laser scanner. All readings are then kept; see
            `resize_sparse`.
        **kwargs: As for torchvision's `Resize`.
    """

    def __init__(self, *args: Any, sparse: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.sparse = sparse

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if self.sparse and isinstance(inpt, DepthMap):
            size = F.resize(torch.empty(1, *inpt.shape[-2:]), self.size, max_size=self.max_size).shape[-2:]
            return tv_tensors.wrap(resize_sparse(inpt.as_subclass(torch.Tensor), size), like=inpt)
        if not isinstance(inpt, tv_tensors.Mask):
            return super().transform(inpt, params)
        exact = v2.InterpolationMode.NEAREST_EXACT
        resized = F.resize(inpt.as_subclass(torch.Tensor), self.size, exact, max_size=self.max_size)
        return tv_tensors.wrap(resized, like=inpt)


@TRANSFORMS.register_module()
class ResizeInput(v2.Resize):
    """Resize only the image; labels keep their size, and predictions have the size of the image before resizing.

    For evaluation; the last transform before `PackSample`. Takes the arguments of torchvision's `Resize`.
    """

    def forward(self, sample: Sample) -> Sample:
        img, meta = sample["img"], dict(sample.get("meta", {}))
        meta.setdefault("ori_shape", tuple(img.shape[-2:]))
        return {**sample, "img": self.transform(img, {}), "meta": meta}
