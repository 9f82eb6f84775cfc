import torch
from mmengine.structures import BaseDataElement, PixelData

from mtl_plugins.registry import TRANSFORMS

from .pipeline import check_sample


@TRANSFORMS.register_module()
class PackSample:
    """End of every pipeline: ``dict(inputs=uint8 (3, H, W), data_samples=BaseDataElement)``.

    ``data_samples.gt`` is a ``PixelData`` with the labels that there are, plain tensors (C, H, W); the
    metainfo has what ``sample['meta']`` has, all else that is no tensor, ``img_shape``, ``ori_shape`` (H, W:
    where predictions are given, and the labels' size) and, if known, ``intrinsics`` (fx, fy, cx, cy).

    Raises:
        ValueError: an image that is not uint8 (3, H, W), or a label of another size than ``ori_shape``.
    """

    def __call__(self, sample):
        check_sample(sample)
        sample = dict(sample)
        img, meta = sample.pop("img"), dict(sample.pop("meta", {}))
        where = meta.get("img_path", "the image")
        if img.dtype != torch.uint8 or img.ndim != 3 or img.shape[0] != 3:
            raise ValueError(
                f"PackSample wants a uint8 image (3, H, W), but got {img.dtype} {tuple(img.shape)} for "
                f"{where}. The data preprocessor makes floats of it and normalises: leave that out of the "
                "pipeline."
            )
        meta["img_shape"] = tuple(img.shape[-2:])
        meta.setdefault("ori_shape", meta["img_shape"])
        if (intrinsics := sample.pop("intrinsics", None)) is not None:
            meta["intrinsics"] = tuple(intrinsics.tolist())
        labels = {key: value for key, value in sample.items() if isinstance(value, torch.Tensor)}
        meta.update((key, value) for key, value in sample.items() if key not in labels)
        for task, label in labels.items():
            if tuple(label.shape[-2:]) != meta["ori_shape"]:
                raise ValueError(
                    f"the {task} label left the pipeline with the size {tuple(label.shape[-2:])}, but "
                    f"{meta['ori_shape']} is expected ({where}). Does each transform move this label? "
                    f"ResizeInput, which resizes the image alone, must come right before PackSample."
                )
        # copied if they are windows: a view would send all of the larger image along from the worker
        plain = {task: label.as_subclass(torch.Tensor).contiguous() for task, label in labels.items()}
        data_sample = BaseDataElement(metainfo=meta, gt=PixelData(**plain))
        # the decoder's own layout, pixel by pixel, which is the one that the network wants too
        inputs = img.as_subclass(torch.Tensor)[None].contiguous(memory_format=torch.channels_last)[0]
        return dict(inputs=inputs, data_samples=data_sample)
