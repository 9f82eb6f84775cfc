import torch
from torchvision import tv_tensors

from mtl_plugins.functional.panoptic import join_segments
from mtl_plugins.registry import TRANSFORMS

from ..data_error import DataError
from ..sample_files import Sample


@TRANSFORMS.register_module()
class PanopticFromInstances:
    """Make the label `panoptic` (ids `class * 1000 + instance`) from the labels of classes and instances.

    A sample without one of them gets no such label.

    Args:
        semseg: Name of the label of class ids.
        instances: Name of the label of instances; 0 for stuff.
        keep: Whether the two labels stay in the sample.

    Raises:
        DataError: The numbers of the instances are out of range.
    """

    def __init__(self, semseg: str = "semseg", instances: str = "instances", keep: bool = False):
        self.semseg, self.instances, self.keep = semseg, instances, keep

    def __call__(self, sample: Sample) -> Sample:
        sample = dict(sample)
        names = (self.semseg, self.instances)
        classes, instances = (sample.get(name) if self.keep else sample.pop(name, None) for name in names)
        if classes is None or instances is None:
            return sample
        try:
            ids = join_segments(classes.as_subclass(torch.Tensor), instances.as_subclass(torch.Tensor))
        except ValueError as error:
            raise DataError(f"{sample.get('meta', {}).get('img_path', 'a sample')}: {error}") from None
        return {**sample, "panoptic": tv_tensors.Mask(ids)}

    def __repr__(self) -> str:
        return f"PanopticFromInstances(semseg={self.semseg!r}, instances={self.instances!r}, keep={self.keep})"
