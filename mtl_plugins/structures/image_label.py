from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from .dense_map import DENSE_KERNELS


class ImageLabel(tv_tensors.TVTensor):
    """A label of the complete image: a class id (1,) or a vector (K,). Transforms leave it unchanged."""

    def __new__(cls, data: Any, *, dtype: torch.dtype | None = None, device: Any = None) -> "ImageLabel":
        tensor = torch.as_tensor(data, dtype=dtype, device=device)
        if tensor.ndim != 1:
            raise ValueError(f"ImageLabel has the shape (K,), but got a tensor of shape {tuple(tensor.shape)}.")
        return tensor.as_subclass(cls)


def _unchanged(inpt: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return inpt


for _functional in DENSE_KERNELS:  # for transforms that call the functional themselves
    F.register_kernel(_functional, ImageLabel)(_unchanged)
