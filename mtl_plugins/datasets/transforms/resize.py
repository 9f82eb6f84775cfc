import torch
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from mtl_plugins.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Resize(v2.Resize):
    """torchvision's ``Resize`` of image and labels together, to the network's size: depth keeps its metres.

    Masks take the exactly nearest pixel, as the maps do, so that they stay on the image (torchvision's own
    rule for masks lies up to half a pixel beside it).
    """

    def transform(self, inpt, params):
        if not isinstance(inpt, tv_tensors.Mask):
            return super().transform(inpt, params)
        exact = v2.InterpolationMode.NEAREST_EXACT
        resized = F.resize(inpt.as_subclass(torch.Tensor), self.size, exact, max_size=self.max_size)
        return tv_tensors.wrap(resized, like=inpt)


@TRANSFORMS.register_module()
class ResizeInput(v2.Resize):
    """Resize the image alone; labels stay, and predictions are given at the size that the image had before.

    For evaluation; it comes last before ``PackSample``. Takes what torchvision's ``Resize`` takes.
    """

    def forward(self, sample):
        img, meta = sample["img"], dict(sample.get("meta", {}))
        meta.setdefault("ori_shape", tuple(img.shape[-2:]))
        return {**sample, "img": self.transform(img, {}), "meta": meta}
